//go:build cluster

package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/cluster/kubetest"
	"github.com/podseal/podseal/internal/cluster/source"
	"github.com/podseal/podseal/internal/docker/dockertest"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/engine/enginetest"
	"github.com/podseal/podseal/internal/image"
)

// load brings an image to the nodes of the cluster, and returns the file that it was read from.
func load(t *testing.T, i dockertest.Image) string {
	t.Helper()
	archive, err := i.Archive()
	if err != nil {
		t.Fatal(err)
	}
	if err := kubetest.Load(archive); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(file, archive, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// newEngine returns an engine with the image of a file. Nothing may be left of it after the test.
func newEngine(t *testing.T, file string, opts Options) *Engine {
	t.Helper()
	images := source.Archives([]string{file})
	e := New(kubetest.Connect(t, ""), images, opts)
	t.Cleanup(func() {
		if err := e.Sweep(context.Background()); err != nil {
			t.Errorf("sweeping: %v", err)
		}
		_ = images.Close()
	})
	return e
}

// images counts the images of the tests.
var images atomic.Int64

// testImage describes an image for nodes of this machine's architecture.
func testImage(files []dockertest.File, change func(*v1.Config)) dockertest.Image {
	return dockertest.Image{
		Ref:          fmt.Sprintf("podseal.test/cluster-%d:%d", os.Getpid(), images.Add(1)),
		Architecture: runtime.GOARCH, Files: files, Change: change,
	}
}

// ownProgram returns podseal's program for containers.
var ownProgram = sync.OnceValues(func() ([]byte, error) {
	return dockertest.Compile("github.com/podseal/podseal/cmd/podseal-inside")
})

// withProgram returns options by which pods have podseal's program.
func withProgram() Options {
	return Options{Program: func(string) ([]byte, error) { return ownProgram() }}
}

// TestConformance runs the conformance suite of package engine: with the tracer, with podseal's program alone, and with
// nothing in the pods.
func TestConformance(t *testing.T) {
	untraced := withProgram()
	untraced.NoTrace = true
	for name, opts := range map[string]Options{"Traced": withProgram(), "Untraced": untraced, "Plain": {}} {
		t.Run(name, func(t *testing.T) { conformance(t, opts) })
	}
}

func conformance(t *testing.T, opts Options) {
	kubetest.Connect(t, "")
	program, err := dockertest.Compile(enginetest.Program)
	if err != nil {
		t.Fatal(err)
	}
	enginetest.Run(t, func(t *testing.T, c enginetest.Case) (engine.Engine, string) {
		i := testImage(caseFiles(t, c, program), func(to *v1.Config) {
			*to = c.Facts.Config.Config
			to.Entrypoint = []string{"/app"}
			to.Env = append(to.Env, "SCRIPT="+c.Source)
		})
		return newEngine(t, load(t, i), opts), i.Ref
	})
}

// caseFiles returns the files of a case, with a program as /app and busybox in place of the programs in /bin.
func caseFiles(t *testing.T, c enginetest.Case, program []byte) []dockertest.File {
	t.Helper()
	entries, _, err := c.Tree.List(t.Context(), "/", 10000)
	if err != nil {
		t.Fatal(err)
	}
	files := []dockertest.File{{Name: "app", Mode: 0o755, Data: program}}
	for _, e := range entries {
		f := dockertest.File{Name: strings.TrimPrefix(e.Path, "/"), Mode: int64(e.Mode.Perm()), UID: int(e.UID), GID: int(e.GID), Link: e.Link}
		switch {
		case e.Kind == image.Dir:
			f.Name += "/"
		case strings.HasPrefix(f.Name, "bin/"):
			f.Link = "/busybox"
		case e.Kind == image.File:
			if f.Data, err = c.Tree.ReadFile(t.Context(), e.Path); err != nil {
				t.Fatal(err)
			}
		}
		files = append(files, f)
	}
	if slices.ContainsFunc(files, func(f dockertest.File) bool { return f.Link == "/busybox" }) {
		data, err := os.ReadFile("/bin/busybox")
		if err != nil {
			dockertest.Missing(t, "no static busybox at /bin/busybox (Debian package busybox-static)")
		}
		files = append(files, dockertest.File{Name: "busybox", Mode: 0o755, Data: data})
	}
	return files
}
