package syscalls

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

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
			n, ok := want[c.Name]
			if !ok {
				n = -1
			}
			if int(c.NR[abi]) != n {
				t.Errorf("%s on %s: %d, want %d", c.Name, arch, c.NR[abi], n)
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

// high sets the upper half of an argument.
func high(b []byte, arg int) []byte {
	b[dataArgs+8*arg+7] = 1
	return b
}

func TestFilter(t *testing.T) {
	x86, err := bpf.NewVM(Filter([]uint32{unix.AUDIT_ARCH_X86_64, unix.AUDIT_ARCH_I386}))
	if err != nil {
		t.Fatal(err)
	}
	arm, err := bpf.NewVM(Filter([]uint32{unix.AUDIT_ARCH_AARCH64, unix.AUDIT_ARCH_ARM}))
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
		{"386 socketcall connect", x86, data(unix.AUDIT_ARCH_I386, 102, 3), true},
		{"386 socketcall send", x86, data(unix.AUDIT_ARCH_I386, 102, 9), false},
		{"386 socketcall sendto", x86, data(unix.AUDIT_ARCH_I386, 102, 11), true},
		{"connect IPv4", x86, data(unix.AUDIT_ARCH_X86_64, 42, 3, 1, 16), true},
		{"connect IPv6", x86, data(unix.AUDIT_ARCH_X86_64, 42, 3, 1, 28), true},
		{"connect of any family", x86, data(unix.AUDIT_ARCH_X86_64, 42, 3, 1, 128), true},
		{"connect unix", x86, data(unix.AUDIT_ARCH_X86_64, 42, 3, 1, 110), false},
		{"connect netlink", x86, data(unix.AUDIT_ARCH_X86_64, 42, 3, 1, 12), false},
		{"send", x86, data(unix.AUDIT_ARCH_X86_64, 44, 3, 1, 5, 0, 0, 0), false},
		{"send with a size and no address", x86, data(unix.AUDIT_ARCH_X86_64, 44, 3, 1, 5, 0, 0, 16), false},
		{"sendto", x86, data(unix.AUDIT_ARCH_X86_64, 44, 3, 1, 5, 0, 1, 16), true},
		{"sendto unix", x86, data(unix.AUDIT_ARCH_X86_64, 44, 3, 1, 5, 0, 1, 110), false},
		{"sendto netlink", x86, data(unix.AUDIT_ARCH_X86_64, 44, 3, 1, 5, 0, 1, 12), false},
		{"sendto from an address above 4 GiB", x86, high(data(unix.AUDIT_ARCH_X86_64, 44, 3, 1, 5, 0, 0, 16), 4), true},
		{"sendmsg", x86, data(unix.AUDIT_ARCH_X86_64, 46, 3, 1, 0), false},
		{"write", x86, data(unix.AUDIT_ARCH_X86_64, 1, 3, 1, 5), false},
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
