package observer

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// rootWithLinks makes a target's root whose links point out of it.
func rootWithLinks(t *testing.T) (root int) {
	t.Helper()
	outside, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), make([]byte, 10000), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "a/b"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a/b/own"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{
		"absolute": outside, "a/up": "../../../../../../../../.." + outside, "inner": "/a/b", "magic": "/proc/self/root" + outside,
		"a/b/link": outside,
	} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(root) })
	return root
}

func TestOpenBelow(t *testing.T) {
	root := rootWithLinks(t)
	for _, open := range []struct {
		name string
		do   func(root int, p string, flags int) (int, error)
		into error // the result of a path through a link that stays inside
	}{
		{"openat2", openBelow, nil},
		{"step by step", openSteps, unix.ENOTDIR},
	} {
		for p, want := range map[string]error{
			"a/b/own": nil, "a//b/own": nil, ".": nil, "absolute": nil, // the link itself
			"absolute/secret": open.into, "a/up/secret": open.into, "magic/secret": open.into, "inner/own": open.into,
			"missing/x": unix.ENOENT,
		} {
			outside := p == "absolute/secret" || p == "a/up/secret" || p == "magic/secret"
			if outside && want == nil {
				want = unix.ENOENT
			}
			fd, err := open.do(root, p, unix.O_PATH|unix.O_NOFOLLOW)
			if err == nil {
				unix.Close(fd)
			}
			if !errors.Is(err, want) {
				t.Errorf("%s of %s: %v, want %v", open.name, p, err, want)
			}
		}
	}
	if _, err := openSteps(root, "a/../a", unix.O_PATH); !errors.Is(err, unix.EXDEV) {
		t.Errorf("a path with ..: %v", err)
	}
}

func TestMeasureStaysBelowTheRoot(t *testing.T) {
	root := rootWithLinks(t)
	u, err := measure(root, "/a/b", time.Now().Add(time.Minute))
	if err != nil || u.Files != 2 || u.Bytes > 4096 {
		t.Errorf("%+v, %v, want the file and the link alone", u, err)
	}
	if u, err := measure(root, "/inner", time.Now().Add(time.Minute)); err != nil || u.Files != 2 {
		t.Errorf("through a link inside: %+v, %v", u, err)
	}
	for _, p := range []string{"/absolute", "/a/up", "/magic"} {
		if u, err := measure(root, p, time.Now().Add(time.Minute)); err == nil {
			t.Errorf("%s leads out of the root: %+v", p, u)
		}
	}
}
