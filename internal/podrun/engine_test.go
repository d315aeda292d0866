//go:build engine

package podrun

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// The contract tests run against a real engine, on images that they make themselves: the application of dockertest and
// nothing else, or the static busybox of the Debian package busybox-static where a shell is needed.

// bench is what a contract test works with.
type bench struct {
	*Engine
	t testing.TB
}

// appBinary is the application, compiled once for all tests; podsealBinary is podseal's program in containers.
var appBinary, podsealBinary []byte

func TestMain(m *testing.M) {
	var err error
	if appBinary, err = dockertest.Compile(dockertest.App); err == nil {
		podsealBinary, err = dockertest.Compile(dockertest.Inside)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func newBench(t testing.TB) bench {
	t.Helper()
	return newBenchWith(t, Options{})
}

// newPlainBench has no helper image: its containers run unobserved, and start in half the time.
func newPlainBench(t testing.TB) bench {
	t.Helper()
	return newBenchWith(t, Options{Helper: func(string) ([]byte, error) { return nil, errors.New("no binary") }})
}

func newBenchWith(t testing.TB, opts Options) bench {
	t.Helper()
	if opts.Helper == nil {
		opts.Helper = func(string) ([]byte, error) { return podsealBinary, nil }
	}
	client, err := docker.New(t.Context(), docker.Options{})
	if err != nil {
		dockertest.Missing(t, "no Docker engine to test with: "+err.Error())
	}
	b := bench{New(client, opts), t}
	t.Cleanup(func() {
		if err := b.Sweep(context.Background()); err != nil {
			t.Errorf("sweeping: %v", err)
		}
		if left := b.objects(); len(left) > 0 {
			t.Errorf("left in the engine: %v", left)
		}
		_ = client.Close()
	})
	return b
}

// file is one file or directory of a test image.
type file = dockertest.File

// loads counts the images of a test process.
var loads atomic.Int64

// load makes an image of the files, loads it into the engine, and returns its facts.
func (b bench) load(files []file, change func(*v1.Config)) image.Facts {
	b.t.Helper()
	arch, err := b.client.Architecture(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	ref := fmt.Sprintf("podseal-test/%s:%d", b.RunID(), loads.Add(1))
	archive, err := dockertest.Image{Ref: ref, Architecture: arch, Files: files, Change: change}.Archive()
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

// app is an image with the application and more files.
func (b bench) app(change func(*v1.Config), more ...file) image.Facts {
	b.t.Helper()
	return b.load(append([]file{{Name: "app", Mode: 0o755, Data: appBinary}}, more...), change)
}

// start starts the application with steps; the test removes the container.
func (b bench) start(facts image.Facts, p profile.Profile, steps ...string) engine.Container {
	b.t.Helper()
	c, err := b.Start(b.t.Context(), target.Target{Image: facts.Ref, Args: steps, Grace: 5 * time.Second}, facts, p)
	if err != nil {
		b.t.Fatalf("starting: %v", err)
	}
	b.t.Cleanup(func() {
		if err := c.Remove(context.Background()); err != nil {
			b.t.Errorf("removing: %v", err)
		}
	})
	return c
}

// logger is something with logs: a container, or a member of its pod.
type logger interface {
	Logs(ctx context.Context) (string, error)
}

// waitLine waits until the container's logs hold a line n times.
func waitLine(t *testing.T, c logger, line string, n int) string {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		logs, err := c.Logs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count("\n"+logs, "\n"+line+"\n") >= n {
			return logs
		}
		if time.Now().After(end) {
			t.Fatalf("no line %q in the logs:\n%s", line, logs)
		}
	}
}

// output runs the application to its end and returns what it wrote.
func (b bench) output(facts image.Facts, p profile.Profile, steps ...string) string {
	b.t.Helper()
	c := b.start(facts, p, steps...)
	if err := c.Wait(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	logs, err := c.Logs(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return logs
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
