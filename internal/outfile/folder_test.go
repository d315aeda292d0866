//go:build unix

package outfile

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func ours(data []byte) bool { return bytes.HasPrefix(data, []byte("mine")) }

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "seal")
	for _, files := range [][]File{
		{{Name: "a", Data: []byte("mine 1")}, {Name: "b", Data: []byte("mine 2")}},
		{{Name: "a", Data: []byte("mine 3")}},
	} {
		f, err := PrepareFolder(name, ours)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Write(files); err != nil {
			t.Fatal(err)
		}
	}
	if got := content(t, filepath.Join(name, "a")); got != "mine 3" || names(t, name) != "a" || names(t, dir) != "seal" {
		t.Errorf("a holds %q; %s; %s", got, names(t, name), names(t, dir))
	}
}

func TestPrepareFolderRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	writeTest(t, at("file"), "x", 0o644)
	if err := os.Mkdir(at("theirs"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeTest(t, at("theirs/file"), "x", 0o644)
	link(t, "nowhere", at("dangling"))
	for name, want := range map[string]string{
		at("file"):     "exists and is not a folder",
		at("theirs"):   "holds file, which podseal did not write",
		at("none/x"):   "there is no folder",
		at("dangling"): "a link that leads nowhere",
	} {
		if _, err := PrepareFolder(name, ours); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

// TestFolderThroughLink: the folder changes, and the link to it is kept.
func TestFolderThroughLink(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "real"), 0o755); err != nil {
		t.Fatal(err)
	}
	link(t, "real", filepath.Join(dir, "link"))
	f, err := PrepareFolder(filepath.Join(dir, "link"), ours)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Write([]File{{Name: "a", Data: []byte("mine")}}); err != nil {
		t.Fatal(err)
	}
	if content(t, filepath.Join(dir, "real/a")) != "mine" || names(t, dir) != "link real" {
		t.Errorf("folder: %s", names(t, dir))
	}
}
