//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A symbolic link stays, and what it leads to changes. A pipe or a device gets what is written: as root a file could take
// its place.
func TestWriteFileKeepsWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	file, link, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		data, _ := os.ReadFile(pipe)
		read <- string(data)
	}()
	for _, name := range []string{link, pipe} {
		if err := checkWritable(name); err != nil {
			t.Error(err)
		}
		if err := writeFile(name, []byte("new")); err != nil {
			t.Error(err)
		}
	}
	if got := <-read; got != "new" {
		t.Errorf("the pipe got %q", got)
	}
	if st, err := os.Lstat(pipe); err != nil || st.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("the pipe: %v, %v", st, err)
	}
	if to, err := os.Readlink(link); err != nil || to != "file" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "new" {
		t.Errorf("behind the link: %q, %v", data, err)
	}
	if err := writeInto(os.DevNull, []byte("x")); err != nil {
		t.Error(err)
	}
}

// What cannot be written is said before anything runs, and the check leaves nothing.
func TestCheckWritable(t *testing.T) {
	dir := t.TempDir()
	if err := checkWritable(filepath.Join(dir, "new.yaml")); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	for name, want := range map[string]string{
		dir: "is a folder", filepath.Join(dir, "no", "x"): "no folder", "/proc/self/x": "cannot write /proc/self/x",
	} {
		if err := checkWritable(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
