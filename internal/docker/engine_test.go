//go:build engine

package docker

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/docker/dockertest"
	"github.com/podseal/podseal/internal/image"
)

// bench is what a test on a real engine works with.
type bench struct {
	*Client
	t testing.TB
}

// appBinary is the application of dockertest, compiled once for all tests.
var appBinary []byte

func TestMain(m *testing.M) {
	var err error
	if appBinary, err = dockertest.Compile(dockertest.App); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func newBench(t testing.TB) bench {
	t.Helper()
	c, err := New(t.Context(), Options{})
	if err != nil {
		dockertest.Missing(t, "no Docker engine to test with: "+err.Error())
	}
	b := bench{c, t}
	t.Cleanup(func() {
		if err := c.Sweep(context.Background()); err != nil {
			t.Errorf("sweeping: %v", err)
		}
		if left, err := c.Objects(context.Background()); err != nil || len(left) > 0 {
			t.Errorf("left in the engine: %v, %v", left, err)
		}
		_ = c.Close()
	})
	return b
}

// file is one file or directory of a test image.
type file = dockertest.File

// app loads an image with the application and more files into the engine, and returns its facts.
func (b bench) app(change func(*v1.Config), more ...file) image.Facts {
	b.t.Helper()
	arch, err := b.Architecture(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	ref := fmt.Sprintf("podseal-test/%s:%d", b.RunID(), b.seq.Add(1))
	files := append([]file{{Name: "app", Mode: 0o755, Data: appBinary}}, more...)
	archive, err := dockertest.Image{Ref: ref, Architecture: arch, Files: files, Change: change}.Archive()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.Load(b.t.Context(), bytes.NewReader(archive)); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if removed, err := b.RemoveImage(context.Background(), ref); err != nil || !removed {
			b.t.Errorf("removing the test image: %t, %v", removed, err)
		}
	})
	facts, err := b.Image(b.t.Context(), ref, "")
	if err != nil {
		b.t.Fatal(err)
	}
	return facts
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
