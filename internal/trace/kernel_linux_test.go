package trace

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// The numbers of the other ABIs cannot be had from golang.org/x/sys/unix in one build: they are compared with its
// source.
func TestNumbers(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	if err != nil {
		t.Fatalf("finding golang.org/x/sys: %v", err)
	}
	number := regexp.MustCompile(`(?m)^\s*SYS_(\w+)\s*=\s*(\d+)`)
	for abi, arch := range []string{"amd64", "386", "arm64", "arm"} {
		src, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "unix", "zsysnum_linux_"+arch+".go"))
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]int{}
		for _, m := range number.FindAllStringSubmatch(string(src), -1) {
			if want[strings.ToLower(m[1])], err = strconv.Atoi(m[2]); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range syscalls {
			n, ok := want[c.name]
			if !ok {
				n = -1
			}
			if int(c.nr[abi]) != n {
				t.Errorf("%s on %s: %d, want %d", c.name, arch, c.nr[abi], n)
			}
		}
	}
}

// data lays out struct seccomp_data for bpf.VM, which loads words big-endian.
func data(arch uint32, nr uint32, args ...uint32) []byte {
	b := make([]byte, 64)
	put := func(at int, v uint32) {
		b[at], b[at+1], b[at+2], b[at+3] = byte(v>>24), byte(v>>16), byte(v>>8), byte(v)
	}
	put(dataNr, nr)
	put(dataArch, arch)
	for i, a := range args {
		put(dataArgs+8*i, a)
	}
	return b
}

func TestFilter(t *testing.T) {
	x86, err := bpf.NewVM(filter([]uint32{unix.AUDIT_ARCH_X86_64, unix.AUDIT_ARCH_I386}))
	if err != nil {
		t.Fatal(err)
	}
	arm, err := bpf.NewVM(filter([]uint32{unix.AUDIT_ARCH_AARCH64, unix.AUDIT_ARCH_ARM}))
	if err != nil {
		t.Fatal(err)
	}
	const rdonly, wronly, rdwr, creat, trunc = 0, 1, 2, 0o100, 0o1000
	for _, c := range []struct {
		name   string
		vm     *bpf.VM
		data   []byte
		notify bool
	}{
		{"read", x86, data(unix.AUDIT_ARCH_X86_64, 0), false},
		{"open read-only", x86, data(unix.AUDIT_ARCH_X86_64, 2, 1, rdonly), false},
		{"open write-only", x86, data(unix.AUDIT_ARCH_X86_64, 2, 1, wronly), true},
		{"openat read-only", x86, data(unix.AUDIT_ARCH_X86_64, 257, 3, 1, rdonly|unix.O_CLOEXEC|unix.O_DIRECTORY), false},
		{"openat read-only, append", x86, data(unix.AUDIT_ARCH_X86_64, 257, 3, 1, rdonly|unix.O_APPEND), false},
		{"openat read-write", x86, data(unix.AUDIT_ARCH_X86_64, 257, 3, 1, rdwr), true},
		{"openat create", x86, data(unix.AUDIT_ARCH_X86_64, 257, 3, 1, creat), true},
		{"openat truncate", x86, data(unix.AUDIT_ARCH_X86_64, 257, 3, 1, trunc), true},
		{"after openat", x86, data(unix.AUDIT_ARCH_X86_64, 263), true},
		{"x32 openat write", x86, data(unix.AUDIT_ARCH_X86_64, 257|x32Bit, 3, 1, wronly), true},
		{"x32 read", x86, data(unix.AUDIT_ARCH_X86_64, x32Bit), false},
		{"the last call", x86, data(unix.AUDIT_ARCH_X86_64, 155), true},
		{"386 open write", x86, data(unix.AUDIT_ARCH_I386, 5, 1, wronly), true},
		{"386 open read", x86, data(unix.AUDIT_ARCH_I386, 5, 1, rdonly), false},
		{"386 fstatat64", x86, data(unix.AUDIT_ARCH_I386, 300), false},
		{"386 socketcall bind", x86, data(unix.AUDIT_ARCH_I386, 102, 2), true},
		{"386 socketcall connect", x86, data(unix.AUDIT_ARCH_I386, 102, 3), false},
		{"arm64 openat write", arm, data(unix.AUDIT_ARCH_AARCH64, 56, 3, 1, wronly), true},
		{"arm64 close", arm, data(unix.AUDIT_ARCH_AARCH64, 57), false},
		{"arm mkdir", arm, data(unix.AUDIT_ARCH_ARM, 39), true},
		{"unknown architecture", x86, data(unix.AUDIT_ARCH_AARCH64, 56, 3, 1, wronly), false},
	} {
		got, err := c.vm.Run(c.data)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		want := uint32(unix.SECCOMP_RET_ALLOW)
		if c.notify {
			want = unix.SECCOMP_RET_USER_NOTIF
		}
		if uint32(got) != want {
			t.Errorf("%s: %#x, want %#x", c.name, got, want)
		}
	}
}

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

func TestReadMemory(t *testing.T) {
	var m memory
	if _, err := m.path(os.Getpid(), 0); !errors.Is(err, unix.EFAULT) {
		t.Errorf("address 0: %v", err)
	}
	if _, err := m.path(os.Getpid(), 1<<40); err == nil {
		t.Error("no error from an address that is not mapped")
	}
}

// Links that double the way at each step, and folders that all differ, cost no more memory than others.
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
