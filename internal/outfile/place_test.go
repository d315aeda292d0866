//go:build unix

package outfile

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func writeTest(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// names lists a folder, to show that nothing else was left in it.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

func TestPrepareRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	writeTest(t, at("file"), "x", 0o644)
	link(t, "nowhere", at("dangling"))
	link(t, "loop", at("loop"))
	if err := syscall.Mkfifo(at("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := names(t, dir)
	for name, want := range map[string]string{
		dir:              "it is a folder",
		at("none/x"):     "there is no folder " + at("none"),
		at("file/x"):     "not a directory",
		at("dangling"):   "it is a link to nowhere, which does not exist",
		at("loop"):       "too many levels of symbolic links",
		at("pipe"):       "it is a pipe that nothing reads",
		"/proc/self/new": "no file can be created in folder /proc/self",
	} {
		_, err := Prepare(name)
		if err == nil || !strings.HasPrefix(err.Error(), "cannot write "+name+": ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if after := names(t, dir); after != before {
		t.Errorf("left %s, was %s", after, before)
	}
}

func TestPrepareLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	if _, err := Prepare(filepath.Join(dir, "new")); err != nil || names(t, dir) != "" {
		t.Errorf("%v, left %q", err, names(t, dir))
	}
}

func TestWriteCreates(t *testing.T) {
	old := syscall.Umask(0o027)
	defer syscall.Umask(old)
	name := filepath.Join(t.TempDir(), "new")
	mustWrite(t, name, "text")
	if st, err := os.Stat(name); err != nil || st.Mode() != 0o640 {
		t.Errorf("mode %v, %v; the umask was 027", st.Mode(), err)
	}
}

func mustWrite(t *testing.T, name, text string) {
	t.Helper()
	p, err := Prepare(name)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if got := content(t, name); got != text {
		t.Errorf("%s holds %q", name, got)
	}
}

// TestWriteReplacesWhole: the file is another inode, so that a reader has the old or the new content.
func TestWriteReplacesWhole(t *testing.T) {
	dir := t.TempDir()
	name, to := filepath.Join(dir, "link"), filepath.Join(dir, "file")
	writeTest(t, to, "a longer text than the new one", 0o604)
	link(t, "file", name)
	before, _ := os.Stat(to)
	mustWrite(t, name, "new")
	after, err := os.Stat(to)
	if err != nil || os.SameFile(before, after) || after.Mode() != 0o604 {
		t.Errorf("%v %v, same %t", after.Mode(), err, os.SameFile(before, after))
	}
	if st, err := os.Lstat(name); err != nil || st.Mode()&os.ModeSymlink == 0 || names(t, dir) != "file link" {
		t.Errorf("the link: %v, %v; folder: %s", st.Mode(), err, names(t, dir))
	}
}

func TestWriteKeepsHardLinks(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	writeTest(t, one, "a longer text than the new one", 0o600)
	if err := os.Link(one, two); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, one, "new")
	if got := content(t, two); got != "new" || names(t, dir) != "one two" {
		t.Errorf("the other link holds %q; folder: %s", got, names(t, dir))
	}
}

// TestWriteIntoPipe: the reader is there before Prepare, and reads what Write writes.
func TestWriteIntoPipe(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, err := Prepare(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Write([]byte("text")); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "text" {
		t.Errorf("the reader got %q, %v", got, err)
	}
	if st, err := os.Stat(name); err != nil || st.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("the pipe became %v, %v", st.Mode(), err)
	}
}

func TestReplaceKeepsNewerContent(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	writeTest(t, name, "newer", 0o644)
	p, err := Prepare(name)
	if err != nil {
		t.Fatal(err)
	}
	err = p.Replace([]byte("old"), []byte("mine"))
	if err == nil || !strings.Contains(err.Error(), "was changed while podseal ran") || content(t, name) != "newer" {
		t.Errorf("%v, holds %q", err, content(t, name))
	}
}

func TestSame(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	writeTest(t, at("a"), "", 0o644)
	link(t, "a", at("link"))
	link(t, ".", at("here"))
	if err := os.Link(at("a"), at("hard")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{at("a"), at("a"), true},
		{at("a"), at("link"), true},
		{at("a"), at("hard"), true},
		{at("new"), at("here/new"), true},
		{at("new"), at("other"), false},
		{at("a"), at("new"), false},
		{os.DevNull, os.DevNull, false},
	} {
		p, perr := Prepare(c.a)
		q, qerr := Prepare(c.b)
		if perr != nil || qerr != nil {
			t.Fatal(perr, qerr)
		}
		if got := p.Same(q); got != c.want {
			t.Errorf("%s and %s: %t", c.a, c.b, got)
		}
		p.Close()
		q.Close()
	}
}
