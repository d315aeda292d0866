package buildstream

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
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
	packed := func(b Context) string {
		t.Helper()
		var buf bytes.Buffer
		if err := PackContext(t.Context(), &buf, b, "own"); err != nil {
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
	b := Context{Dir: dir, Name: filepath.Join(dir, "Dockerfile"), Dockerfile: []byte("FROM x")}
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
	if err := PackContext(t.Context(), io.Discard, b, "own"); err == nil || !strings.Contains(err.Error(), "dockerignore") {
		t.Errorf("bad rules: %v", err)
	}
}

func TestFollowBuild(t *testing.T) {
	var steps []string
	answer := `{"stream":"Step 1/2 : FROM x"}{"stream":"\n"}{"stream":" ---\u003e 0123456789ab\n"}{"stream":"Step 2/2 : RUN y\nhalf"}` +
		`{"stream":" a line\n\n"}{"aux":{"ID":"sha256:0"}}{"id":"moby.buildkit.trace","aux":"bm9uc2Vuc2U="}` +
		`{"errorDetail":{"code":3},"error":"The command 'y'\n returned 3"}`
	log, err := Follow(strings.NewReader(answer), func(s string) { steps = append(steps, s) })
	failed := new(Error)
	if !errors.As(err, &failed) || failed.Error() != "the build fails: The command 'y' returned 3" {
		t.Errorf("%v", err)
	}
	if got := strings.Join(failed.Lines, "|"); got != "Step 1/2 : FROM x|Step 2/2 : RUN y|half a line" {
		t.Errorf("lines %q", got)
	}
	if got := strings.Join(steps, "|"); got != "building: Step 1/2 : FROM x|building: Step 2/2 : RUN y" {
		t.Errorf("steps %q", got)
	}
	if !slices.Equal(log.Made, []string{"0123456789ab"}) {
		t.Errorf("made %q", log.Made)
	}
	if _, err := Follow(strings.NewReader(`{"stream":`), func(string) {}); err == nil || errors.As(err, new(*Error)) {
		t.Errorf("a broken answer: %v", err)
	}
}

func FuzzBuildkitText(f *testing.F) {
	f.Add([]byte("\x0a\x08\x1a\x04name\x2a\x00\x1a\x06\x22\x04text"))
	f.Fuzz(func(_ *testing.T, raw []byte) { buildkitText(raw) })
}
