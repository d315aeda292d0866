package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	dockerimage "github.com/docker/docker/api/types/image"
	"golang.org/x/sys/unix"

	"github.com/podseal/podseal/internal/image"
)

// folder makes a folder of files, by name; names that end in "/" are folders, texts that begin with "-> " links.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		at := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(at), 0o755)
		switch to, link := strings.CutPrefix(text, "-> "); {
		case err != nil:
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(at, 0o755)
		case link:
			err = os.Symlink(to, at)
		default:
			err = os.WriteFile(at, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestBuildContext(t *testing.T) {
	files := map[string]string{
		"a": "1", "b/c": "2", "b/d/e": "3", "link": "-> /nowhere", "node_modules/x/y": "4", "keep/no": "5", "keep/yes": "6",
		"empty/": "", "Dockerfile": "FROM scratch", ".dockerignore": "# comment\nnode_modules\n*/d\nkeep/*\n!keep/yes\n",
	}
	dir := folder(t, files)
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	packed := func(b Build) string {
		t.Helper()
		var buf bytes.Buffer
		if err := packContext(t.Context(), &buf, b, "own"); err != nil {
			t.Fatal(err)
		}
		var names []string
		for r := tar.NewReader(&buf); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				return strings.Join(names, " ")
			}
			if err != nil {
				t.Fatal(err)
			}
			if h.Uid != 0 || h.Gid != 0 || h.Uname != "" {
				t.Errorf("%s belongs to %d:%d %s", h.Name, h.Uid, h.Gid, h.Uname)
			}
			names = append(names, h.Name)
		}
	}
	b := Build{Dir: dir, Name: filepath.Join(dir, "Dockerfile"), Dockerfile: []byte("FROM x")}
	if got, want := packed(b), ".dockerignore Dockerfile a b/ b/c empty/ keep/ keep/yes link own"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if err := os.WriteFile(b.Name+".dockerignore", []byte("*\n!b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := packed(b), "b/ b/c b/d/ b/d/e own"; got != want {
		t.Errorf("with rules of its own:\ngot  %s\nwant %s", got, want)
	}
	if err := os.WriteFile(b.Name+".dockerignore", []byte("[\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := packContext(t.Context(), io.Discard, b, "own"); err == nil || !strings.Contains(err.Error(), "dockerignore") {
		t.Errorf("bad rules: %v", err)
	}
}

func TestFollowBuild(t *testing.T) {
	var steps []string
	answer := `{"stream":"Step 1/2 : FROM x"}{"stream":"\n"}{"stream":" ---\u003e 0123456789ab\n"}{"stream":"Step 2/2 : RUN y\nhalf"}` +
		`{"stream":" a line\n\n"}{"aux":{"ID":"sha256:0"}}{"id":"moby.buildkit.trace","aux":"bm9uc2Vuc2U="}` +
		`{"errorDetail":{"code":3},"error":"The command 'y'\n returned 3"}`
	log, err := followBuild(strings.NewReader(answer), func(s string) { steps = append(steps, s) })
	failed := new(BuildError)
	if !errors.As(err, &failed) || failed.Error() != "the build fails: The command 'y' returned 3" {
		t.Errorf("%v", err)
	}
	if got := strings.Join(failed.Lines, "|"); got != "Step 1/2 : FROM x|Step 2/2 : RUN y|half a line" {
		t.Errorf("lines %q", got)
	}
	if got := strings.Join(steps, "|"); got != "building: Step 1/2 : FROM x|building: Step 2/2 : RUN y" {
		t.Errorf("steps %q", got)
	}
	if !slices.Equal(log.made, []string{"0123456789ab"}) {
		t.Errorf("made %q", log.made)
	}
	if _, err := followBuild(strings.NewReader(`{"stream":`), func(string) {}); err == nil || errors.As(err, new(*BuildError)) {
		t.Errorf("a broken answer: %v", err)
	}
}

func FuzzBuildkitText(f *testing.F) {
	f.Add([]byte("\x0a\x08\x1a\x04name\x2a\x00\x1a\x06\x22\x04text"))
	f.Fuzz(func(_ *testing.T, raw []byte) { buildkitText(raw) })
}

// Both builders, on an engine: the image is there with its label, a failure comes with its last lines, and the sweep
// removes all that the build made.
func TestBuild(t *testing.T) {
	for _, kit := range []string{"0", "1"} {
		t.Run("DOCKER_BUILDKIT="+kit, func(t *testing.T) {
			t.Setenv("DOCKER_BUILDKIT", kit)
			b := newPlainBench(t)
			base := b.app(nil)
			dir := folder(t, map[string]string{"data": t.Name(), "left-out": "x", ".dockerignore": "left-out"})
			text := "FROM " + base.Ref + " AS one\nCOPY data /d1\nFROM " + base.Ref + "\nARG WHO\nCOPY --from=one /d1 /d2\nUSER $WHO\n"
			who := "123"
			build := Build{Dir: dir, Name: filepath.Join(dir, "Dockerfile"), Dockerfile: []byte(text), Args: map[string]*string{"WHO": &who}}
			before := b.imagesFrom(base)
			ref, err := b.Build(t.Context(), build)
			if err != nil {
				t.Fatal(err)
			}
			facts, err := b.Image(t.Context(), ref, "")
			if err != nil || facts.Config.Config.User != "123" || facts.Config.Config.Labels[labelBuilt] != b.RunID() {
				t.Errorf("%v %+v", err, facts.Config.Config)
			}
			build.Dockerfile = append(build.Dockerfile, "COPY left-out /x\n"...)
			failed := new(BuildError)
			if _, err := b.Build(t.Context(), build); !errors.As(err, &failed) || !strings.Contains(failed.Text, "left-out") || len(failed.Lines) == 0 {
				t.Errorf("a file that .dockerignore leaves out: %v, %q", err, failed.Lines)
			}
			for _, bad := range []string{"FROM", "RUN x", "FROM " + base.Ref + "\nNONSENSE\n"} {
				build.Dockerfile = []byte(bad)
				if _, err := b.Build(t.Context(), build); !errors.As(err, &failed) {
					t.Errorf("%q: %v", bad, err)
				}
			}
			if err := b.Sweep(context.Background()); err != nil {
				t.Fatal(err)
			}
			for _, id := range b.imagesFrom(base) {
				if !slices.Contains(before, id) {
					t.Errorf("image %s is left", id)
				}
			}
		})
	}
}

// imagesFrom are the ids of the images that are made from another one.
func (b bench) imagesFrom(base image.Facts) []string {
	b.t.Helper()
	all, err := b.cli.ImageList(context.Background(), dockerimage.ListOptions{All: true})
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for _, i := range all {
		found, err := b.cli.ImageInspect(context.Background(), i.ID)
		if err == nil && len(image.BaseOf(found.RootFS.Layers, []image.Stack{{Layers: base.Layers()}})) > 0 {
			out = append(out, i.ID)
		}
	}
	return out
}
