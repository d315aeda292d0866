//go:build engine

package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	dockerimage "github.com/docker/docker/api/types/image"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// The contract tests run against a real engine, on images that they make themselves: testdata/app and nothing else, or
// the static busybox of the Debian package busybox-static where a shell is needed.

// bench is what a contract test works with.
type bench struct {
	*Engine
	t testing.TB
}

// appBinary is testdata/app, compiled once for all tests; podsealBinary stands for podseal itself.
var appBinary, podsealBinary []byte

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "podseal-docker-test")
	if err == nil {
		appBinary, err = compile(dir, "./testdata/app")
	}
	if err == nil {
		podsealBinary, err = compile(dir, "../../cmd/podseal-inside")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func compile(dir, pkg string) ([]byte, error) {
	out := filepath.Join(dir, filepath.Base(pkg))
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compiling %s: %w: %s", pkg, err, text)
	}
	return os.ReadFile(out)
}

// missing skips a test for want of something, except in CI, where everything has to be there.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal("in CI nothing may be missing: " + what)
	}
	t.Skip("SKIPPED: " + what)
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
	e, err := New(t.Context(), opts)
	if err != nil {
		missing(t, "no Docker engine to test with: "+err.Error())
	}
	b := bench{e, t}
	t.Cleanup(func() {
		if err := e.Sweep(context.Background()); err != nil {
			t.Errorf("sweeping: %v", err)
		}
		if left := b.objects(); len(left) > 0 {
			t.Errorf("left in the engine: %v", left)
		}
		_ = e.Close()
	})
	return b
}

// file is one file or folder of a test image.
type file struct {
	name     string // ends in "/" for a folder
	mode     int64
	uid, gid int
	data     []byte
	link     string
	caps     string
}

// load makes an image of the files, gives it to the engine, and returns its facts.
func (b bench) load(files []file, change func(*v1.Config)) image.Facts {
	b.t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: f.mode, Uid: f.uid, Gid: f.gid, Size: int64(len(f.data)), Typeflag: tar.TypeReg}
		switch {
		case strings.HasSuffix(f.name, "/"):
			h.Typeflag = tar.TypeDir
		case f.link != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.link
		}
		if f.caps != "" {
			h.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": f.caps}
		}
		if err := w.WriteHeader(h); err != nil {
			b.t.Fatal(err)
		}
		if _, err := w.Write(f.data); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.t.Fatal(err)
	}
	ref := "podseal-test/" + strings.ToLower(b.RunID()) + fmt.Sprintf(":%d", b.seq.Add(1))
	b.loadTar(ref, buf.Bytes(), change)
	facts, err := b.Image(b.t.Context(), ref, "")
	if err != nil {
		b.t.Fatal(err)
	}
	return facts
}

func (b bench) loadTar(ref string, files []byte, change func(*v1.Config)) {
	b.t.Helper()
	check := func(err error) {
		b.t.Helper()
		if err != nil {
			b.t.Fatal(err)
		}
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files)), nil })
	check(err)
	img, err := mutate.Append(empty.Image, mutate.Addendum{Layer: layer, History: v1.History{CreatedBy: "test"}})
	check(err)
	cf, err := img.ConfigFile()
	check(err)
	version, err := b.cli.ServerVersion(b.t.Context())
	check(err)
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture = "linux", version.Arch
	cf.Config.Entrypoint = []string{"/app"}
	// An id of its own: tests side by side must not remove each other's image.
	cf.Config.Labels = map[string]string{"podseal-test": ref}
	if change != nil {
		change(&cf.Config)
	}
	img, err = mutate.ConfigFile(img, cf)
	check(err)
	tag, err := name.NewTag(ref)
	check(err)
	var archive bytes.Buffer
	check(tarball.Write(tag, img, &archive))
	answer, err := b.cli.ImageLoad(b.t.Context(), &archive)
	check(err)
	_, err = io.Copy(io.Discard, answer.Body)
	check(err)
	check(answer.Body.Close())
	b.t.Cleanup(func() {
		if _, err := b.cli.ImageRemove(context.Background(), ref, dockerimage.RemoveOptions{Force: true}); err != nil {
			b.t.Errorf("removing the test image: %v", err)
		}
	})
}

// app is an image with the application and more files.
func (b bench) app(change func(*v1.Config), more ...file) image.Facts {
	b.t.Helper()
	return b.load(append([]file{{name: "app", mode: 0o755, data: appBinary}}, more...), change)
}

// start starts the application with steps; the container goes with the test.
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

// waitLine waits until the container's logs hold a line n times.
func waitLine(t *testing.T, c engine.Container, line string, n int) string {
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
