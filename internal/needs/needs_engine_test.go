//go:build engine

package needs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/docker/dockertest"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/needs"
	"github.com/podseal/podseal/internal/podrun"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// appBinary is the application of dockertest, programBinary is podseal's program in containers.
var appBinary, programBinary []byte

func TestMain(m *testing.M) {
	var err error
	if appBinary, err = dockertest.Compile(dockertest.App); err == nil {
		programBinary, err = dockertest.Compile(dockertest.Inside)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// bench is what a test on a real engine works with.
type bench struct {
	*needs.Engine
	t      *testing.T
	client *docker.Client
	loads  atomic.Int64
}

func newBench(t *testing.T) *bench {
	t.Helper()
	client, err := docker.New(t.Context(), docker.Options{})
	if err != nil {
		dockertest.Missing(t, "no Docker engine to test with: "+err.Error())
	}
	inner := podrun.New(client, podrun.Options{Helper: func(string) ([]byte, error) { return programBinary, nil }})
	t.Cleanup(func() {
		if err := inner.Sweep(context.Background()); err != nil {
			t.Errorf("sweeping: %v", err)
		}
		if left, err := client.Objects(context.Background()); err != nil || len(left) > 0 {
			t.Errorf("left in the engine: %v, %v", left, err)
		}
		_ = client.Close()
	})
	return &bench{Engine: needs.New(inner, client), t: t, client: client}
}

// app loads an image whose container does the steps.
func (b *bench) app(ports []string, steps ...string) image.Facts {
	b.t.Helper()
	arch, err := b.client.Architecture(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	ref := fmt.Sprintf("podseal-test/%s:%d", b.client.RunID(), b.loads.Add(1))
	archive, err := dockertest.Image{
		Ref: ref, Architecture: arch, Files: []dockertest.File{{Name: "app", Mode: 0o755, Data: appBinary}},
		Change: func(c *v1.Config) {
			c.Entrypoint, c.ExposedPorts = append([]string{"/app"}, steps...), map[string]struct{}{}
			for _, p := range ports {
				c.ExposedPorts[p] = struct{}{}
			}
		},
	}.Archive()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.client.Load(b.t.Context(), bytes.NewReader(archive)); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if removed, err := b.client.RemoveImage(context.Background(), ref); err != nil || !removed {
			b.t.Errorf("removing the test image: %t, %v", removed, err)
		}
	})
	facts, err := b.Image(b.t.Context(), ref, "")
	if err != nil {
		b.t.Fatal(err)
	}
	return facts
}

func (b *bench) waitFor(c engine.Container, line string) {
	b.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		logs, err := c.Logs(b.t.Context())
		if err != nil {
			b.t.Fatal(err)
		}
		if strings.Contains(logs, line) {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("no line %q in the logs:\n%s", line, logs)
		}
	}
}

// TestServices: a target, alone and as a pod, reaches its service by its name, as a host command does by the published port.
func TestServices(t *testing.T) {
	b := newBench(t)
	db := b.app([]string{"5432/tcp"}, "listen:5432", "wait")
	app := b.app(nil, "find:web", "dial:db:5432", "wait")
	service := target.Service{Name: "db", Target: target.Target{Image: db.Ref}}
	for _, pod := range []*target.Pod{nil, {Name: "web-1", Original: "Pod web"}} {
		for _, p := range []profile.Profile{profile.Unrestricted(), {User: profile.User{UID: 1000, GID: 1000}}} {
			tgt := target.Target{Image: app.Ref, Alias: "web", Name: "web", Pod: pod, Needs: []target.Service{service}}
			c, err := b.Start(t.Context(), tgt, app, p)
			if err != nil {
				t.Fatal(err)
			}
			b.waitFor(c, "find:web: 1")
			b.waitFor(c, "dial:db:5432: hello")
			env := c.(engine.Addressed).Environment()
			if len(env) != 3 || env[0] != "PODSEAL_DB_HOST="+c.Host() {
				t.Fatalf("environment: %q", env)
			}
			conn, err := net.Dial("tcp", net.JoinHostPort(c.Host(), strings.TrimPrefix(env[1], "PODSEAL_DB_PORT=")))
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.Close()
			conns, err := c.Connections(t.Context())
			if err != nil || len(conns) != 1 || conns[0].Peer != "db" || conns[0].Port != 5432 || conns[0].Protocol != "tcp" || conns[0].Command != "app" {
				t.Errorf("connections: %+v, %v", conns, err)
			}
			if err := c.Remove(t.Context()); err != nil {
				t.Error(err)
			}
			if left, err := b.client.Objects(t.Context()); err != nil || strings.Contains(strings.Join(left, " "), "-network") {
				t.Errorf("left: %v, %v", left, err)
			}
		}
	}
}

// TestServiceThatExits: the error has the reason, and nothing of the run is left.
func TestServiceThatExits(t *testing.T) {
	b := newBench(t)
	db := b.app([]string{"5432/tcp"}, "env:PASSWORD", "exit:3")
	app := b.app(nil, "wait")
	_, err := b.Start(t.Context(), target.Target{Image: app.Ref, Needs: []target.Service{{Name: "db", Target: target.Target{Image: db.Ref}}}}, app, profile.Unrestricted())
	failed := new(needs.ServiceError)
	if !errors.As(err, &failed) || failed.Error() != "service db: exited 3 before it was ready; the last line of its log: env:PASSWORD:" {
		t.Errorf("got %v", err)
	}
}

// TestSweepFindsServices: what an interrupted program leaves is found by its run's label.
func TestSweepFindsServices(t *testing.T) {
	b := newBench(t)
	db := b.app([]string{"5432/tcp"}, "listen:5432", "wait")
	app := b.app(nil, "wait")
	if _, err := b.Start(t.Context(), target.Target{Image: app.Ref, Needs: []target.Service{{Name: "db", Target: target.Target{Image: db.Ref}}}}, app, profile.Unrestricted()); err != nil {
		t.Fatal(err)
	}
	left, err := b.client.Objects(t.Context())
	if err != nil || !strings.Contains(strings.Join(left, " "), "-network") {
		t.Errorf("objects: %v, %v", left, err)
	}
	if err := b.client.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	if left, err := b.client.Objects(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
