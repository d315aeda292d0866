package observer

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"a/b/c", "jail/in", "real"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{
		"abs": "/a/b", "rel": "a/b", "a/up": "../real", "loop": "loop", "out": "/dev/stdout", "dangling": "/real/new",
		"jail/abs": "/in", "chain": "abs/../up", "self": "/proc/self/fd/1",
	} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "a/file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(root)
	for _, c := range []struct {
		root, base, path string
		follow           bool
		want, err        string
		exists           bool
	}{
		{"/", "/", "/a/b", true, "/a/b", "", true},
		{"/", "/", "/a//b/./c/..//c/", true, "/a/b/c", "", true},
		{"/", "/a/b", "c", true, "/a/b/c", "", true},
		{"/", "/a/b", "../file", true, "/a/file", "", true},
		{"/", "/a/b", "../../../../a/new", true, "/a/new", "", false},
		{"/", "/", "/abs/new", true, "/a/b/new", "", false},
		{"/", "/", "/abs", true, "/a/b", "", true},
		{"/", "/", "/abs", false, "/abs", "", true},
		{"/", "/", "/abs/", false, "/a/b", "", true},
		{"/", "/", "rel/c", true, "/a/b/c", "", true},
		{"/", "/", "/a/up/x", true, "/real/x", "", false},
		{"/", "/", "/chain/x", true, "/real/x", "", false},
		{"/", "/", "/dangling", true, "/real/new", "", false},
		{"/", "/", "/loop", true, "/", "ELOOP", false},
		{"/", "/", "/loop/x", true, "", "ELOOP", false},
		{"/", "/", "/a/file/x", true, "/a/file/x", "ENOTDIR", false},
		{"/", "/", "/none/x/y", true, "/none/x/y", "ENOENT", false},
		{"/", "/", "", true, "/", "ENOENT", false},
		{"/", "/", "/", true, "/", "", true},
		{"/", "/a", ".", true, "/a", "", true},
		{"/", "/a", "..", true, "/", "", true},
		{"/jail", "/jail", "/in/x", true, "/jail/in/x", "", false},
		{"/jail", "/jail", "/../x", true, "/jail/x", "", false},
		{"/jail", "/jail/in", "../../../x", true, "/jail/x", "", false},
		{"/jail", "/jail", "/abs/x", true, "/jail/in/x", "", false},
	} {
		tr := newTree(&container{pid: os.Getpid(), root: root}, &atomic.Uint64{})
		for _, warm := range []bool{false, true} { // the second time from what was kept
			tr.refresh(time.Now())
			p := tr.resolve(c.root, c.base, c.path, c.follow)
			if c.want == "" {
				p.path = ""
			}
			if p.path != c.want || p.err != c.err || p.exists != c.exists || p.noise {
				t.Errorf("%q from %s in %s (kept %v): %+v", c.path, c.base, c.root, warm, p)
			}
		}
	}
	for _, noise := range []string{"/out", "/self", "/dev/x", "/proc/1/x", "/.podseal/x", "/a/../dev/null"} {
		tr := newTree(&container{pid: os.Getpid(), root: root}, &atomic.Uint64{})
		if p := tr.resolve("/", "/", noise, true); !p.noise {
			t.Errorf("%s is no noise: %+v", noise, p)
		}
	}
}

// A kept folder is forgotten when a call is seen that may move it.
func TestResolveAfterMove(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/one", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"one", "two"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(root)
	epoch := &atomic.Uint64{}
	tr := newTree(&container{pid: os.Getpid(), root: root}, epoch)
	at := func() string { tr.refresh(time.Now()); return tr.resolve("/", "/", "/link/x", true).path }
	got := []string{at()}
	if err := os.Remove(filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/two", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	epoch.Add(1)
	got = append(got, at())
	if diff := cmp.Diff([]string{"/one/x", "/two/x"}, got); diff != "" {
		t.Error(diff)
	}
}

// Links that double the way at each step, and folders that all differ, do not cost memory without end.
func TestResolveIsBounded(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(".", filepath.Join(dir, "l0")); err != nil {
		t.Fatal(err)
	}
	const doublings = 40
	for i := 1; i <= doublings; i++ {
		below := "l" + strconv.Itoa(i-1)
		if err := os.Symlink(below+"/"+below, filepath.Join(dir, "l"+strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
	deep := dir
	for i := range 100 {
		deep = filepath.Join(deep, "d")
		if err := os.Mkdir(deep, os.FileMode(0o700|i%64)); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(deep, os.FileMode(0o700|i%64)|os.ModeSticky*os.FileMode(i/64)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(root)
	tr := newTree(&container{pid: os.Getpid(), root: root}, &atomic.Uint64{})
	if p := tr.resolve("/", "/", "/l"+strconv.Itoa(doublings)+"/x", true); p.err != "ELOOP" {
		t.Errorf("%+v", p)
	}
	if p := tr.resolve("/", "/", "/l3/x", true); p.path != "/x" || p.err != "" {
		t.Errorf("a few links: %+v", p)
	}
	if p := tr.resolve("/", "/", strings.Repeat("/d", 100)+"/x", true); p.err != "" || len(p.chain) != maxChain {
		t.Errorf("%d folders are searched on the way to %s, want %d", len(p.chain), p.path, maxChain)
	}
	if tr.bytes > maxTree || tr.steps > maxSteps {
		t.Errorf("%d bytes, %d steps", tr.bytes, tr.steps)
	}
	for i := range 3 * maxNodes {
		tr.refresh(time.Now())
		tr.resolve("/", "/", strings.Repeat("/d", 100)+strings.Repeat("/.", 1+i%1000)+"/x", true)
		if len(tr.nodes) > 2*maxNodes || tr.bytes > 2*maxTree {
			t.Fatalf("%d folders in %d bytes are kept", len(tr.nodes), tr.bytes)
		}
	}
}
