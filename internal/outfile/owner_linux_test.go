package outfile

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const nobody = 65534

// asNobody calls do with another effective user on this thread.
func asNobody(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	set := func(uid int) {
		if _, _, errno := syscall.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); errno != 0 {
			t.Fatal(errno)
		}
	}
	set(nobody)
	defer set(0)
	do()
}

func shared(t *testing.T, mode os.FileMode) string {
	t.Helper()
	dir := t.TempDir()
	for d := dir; strings.HasPrefix(d, os.TempDir()+"/"); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil { //nolint:gosec // another user must reach it
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestPrepareRefusesForeignPlaces(t *testing.T) {
	locked, sticky := shared(t, 0o755), shared(t, 0o777|os.ModeSticky)
	linked := shared(t, 0o777)
	writeTest(t, filepath.Join(sticky, "file"), "x", 0o666)
	writeTest(t, filepath.Join(linked, "file"), "x", 0o644)
	if err := os.Link(filepath.Join(linked, "file"), filepath.Join(linked, "more")); err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() {
		for name, want := range map[string]string{
			filepath.Join(locked, "new"):  "no file can be created in folder " + locked + ": permission denied",
			filepath.Join(sticky, "file"): "is sticky: only its owner may replace it",
			filepath.Join(linked, "file"): "permission denied", // it has hard links, and may not be written over
		} {
			if _, err := Prepare(name); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
		if _, err := Prepare(filepath.Join(sticky, "new")); err != nil {
			t.Errorf("a new file in a sticky folder: %v", err)
		}
	})
}

func TestWriteKeepsOwnerAndAttributes(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	name := filepath.Join(t.TempDir(), "file")
	writeTest(t, name, "old", 0o640)
	if err := os.Chown(name, 123, 456); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setxattr(name, "user.note", []byte("kept"), 0); err != nil {
		t.Skipf("no extended attributes here: %v", err)
	}
	mustWrite(t, name, "new")
	st, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	owner, ok := st.Sys().(*syscall.Stat_t)
	value := make([]byte, 16)
	n, err := unix.Getxattr(name, "user.note", value)
	if !ok || owner.Uid != 123 || owner.Gid != 456 || st.Mode() != 0o640 || err != nil || string(value[:n]) != "kept" {
		t.Errorf("%d:%d %v, user.note %q (%v)", owner.Uid, owner.Gid, st.Mode(), value[:max(n, 0)], err)
	}
}

// TestWriteOverWhereTheOwnerCannotBeGiven: a user cannot give files away, so the file is written over.
func TestWriteOverWhereTheOwnerCannotBeGiven(t *testing.T) {
	dir := shared(t, 0o777)
	name := filepath.Join(dir, "file")
	writeTest(t, name, "an old text", 0o666)
	before, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	asNobody(t, func() { mustWrite(t, name, "new") })
	after, err := os.Stat(name)
	if err != nil || !os.SameFile(before, after) || names(t, dir) != "file" {
		t.Errorf("%v, same %t; folder: %s", err, os.SameFile(before, after), names(t, dir))
	}
}
