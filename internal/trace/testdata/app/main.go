// A program that does one thing after another to files, for the tests of the tracer. It prints nothing unless asked,
// and exits 0 whatever the calls return: many are meant to fail.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) < 2 {
		os.Exit(2)
	}
	args := os.Args[2:]
	switch os.Args[1] {
	case "paths":
		paths()
	case "denied":
		denied()
	case "die":
		_ = os.WriteFile("/tmp/last-words", nil, 0o600)
		os.Exit(3)
	case "self":
		self()
	case "term":
		term()
	case "threads":
		threads(args)
	case "storm":
		storm(args)
	case "peak":
		peak(args)
	case "forks":
		forks(args)
	case "touch":
		_ = os.WriteFile(args[0], nil, 0o600)
	case "loop":
		loop(args)
	case "wait":
		time.Sleep(time.Hour)
	case "chunks":
		chunks(args[0], args[1])
	case "duel":
		duel(args)
	case "serve":
		serve()
	case "connections":
		connections()
	case "drop":
		drop()
	case "descriptors":
		descriptors(args)
	case "identities":
		identities()
	case "short":
		short()
	case "attributes":
		attributes()
	case "hostile":
		hostile(args[0])
	}
}

// paths uses every way to name a file.
func paths() {
	must(os.MkdirAll("/a/b/c", 0o755))
	must(os.Symlink("/a/b", "/link"))
	must(os.WriteFile("/link/c/through", nil, 0o600))
	must(os.Chdir("/a/b"))
	must(os.WriteFile("c/../relative", nil, 0o600))
	d, err := syscall.Open("/a", syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
	must(err)
	fd, err := syscall.Openat(d, "b/dirfd", syscall.O_CREAT|syscall.O_WRONLY, 0o600)
	must(err)
	must(syscall.Fchmod(fd, 0o644))
	fd, err = syscall.Open("/a/b", 0o20200000|syscall.O_RDWR, 0o600) // O_TMPFILE
	must(err)
	must(os.Rename("/a/b/relative", "/a/moved"))
	must(os.Link("/a/moved", "/a/b/second"))
	must(os.Remove("/a/b/second"))
	must(os.WriteFile("/a/new\nline", nil, 0o600))
	must(os.Symlink("/a/moved", "/a/alias"))
	must(os.Chmod("/a/alias", 0o600))
	must(os.Lchown("/a/alias", 33, 33))
	must(os.Truncate("/a/moved", 3))
	must(syscall.Mkfifo("/a/fifo", 0o600))
	must(os.Mkdir("/a/gone", 0o700))
	must(os.Remove("/a/gone"))
	_ = os.Mkdir("/a", 0o755)
	_, _ = os.OpenFile("/nowhere/at/all", os.O_CREATE|os.O_WRONLY, 0o600)
	must(os.WriteFile("/dev/null", nil, 0o600))
	long()
	l, err := net.Listen("unix", "/a/socket")
	must(err)
	_ = l
	must(syscall.Chroot("/a"))
	must(os.WriteFile("/b/jailed", nil, 0o600))
	must(os.WriteFile("/../../outside", nil, 0o600))
}

// long makes a path of 4,095 bytes.
func long() {
	must(os.Chdir("/a"))
	p := "/a"
	for len(p)+201 < 4090 {
		name := strings.Repeat("x", 199)
		must(os.Mkdir(name, 0o755))
		must(os.Chdir(name))
		p += "/" + name
	}
	p += "/" + strings.Repeat("y", 4095-len(p)-1)
	must(os.WriteFile(p, nil, 0o600))
}

// denied tries what a sealed container must not do.
func denied() {
	_ = os.WriteFile("/etc/config", nil, 0o600)
	_ = os.WriteFile("/etc/owned-by-root", nil, 0o600)
	_ = os.Mkdir("/var/run", 0o755)
	_ = os.Remove("/etc/owned-by-root")
	_ = os.Chmod("/etc/owned-by-root", 0o600)
	_ = os.WriteFile("/writable/ok", nil, 0o600)
	_ = os.Chown("/writable/ok", 1, 1)
	_ = os.WriteFile("/writable/closed/in", nil, 0o600)
	if d, err := syscall.Open("/writable", syscall.O_RDONLY|syscall.O_DIRECTORY, 0); err == nil {
		_, _ = syscall.Openat(d, "below", syscall.O_CREAT|syscall.O_WRONLY, 0o600)
	}
	if l, err := net.Listen("tcp", ":80"); err == nil {
		l.Close()
	}
}

// self prints what an exec preserves.
func self() {
	status, err := os.ReadFile("/proc/self/status")
	must(err)
	for line := range strings.SplitSeq(string(status), "\n") {
		for _, p := range []string{"SigBlk", "SigIgn", "SigCgt", "Uid", "Gid", "Groups", "Cap", "Pid"} {
			if strings.HasPrefix(line, p) {
				fmt.Println(line)
			}
		}
	}
	limits, err := os.ReadFile("/proc/self/limits")
	must(err)
	cwd, err := os.Getwd()
	must(err)
	var b [100]byte
	n, _ := os.Stdin.Read(b[:])
	env := os.Environ()
	slices.Sort(env) // the engine has no order
	fmt.Printf("%s\n%q\n%q\n%s\n%q\n", limits, os.Args, env, cwd, b[:n])
	fds, err := os.ReadDir("/proc/self/fd")
	must(err)
	for _, f := range fds {
		if target, err := os.Readlink("/proc/self/fd/" + f.Name()); err == nil && strings.Contains(target, "seccomp") {
			fmt.Println("left open:", target)
		}
	}
}

func term() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM)
	must(os.WriteFile("/tmp/ready", nil, 0o600))
	fmt.Println("ready")
	<-c
	must(os.WriteFile("/tmp/stopping", nil, 0o600))
	os.Exit(42)
}

// threads makes, renames and removes files in eight threads at the same time, each in a folder of its own.
func threads(args []string) {
	rounds, err := strconv.Atoi(args[0])
	must(err)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range 8 {
		wg.Go(func() {
			runtime.LockOSThread()
			<-start
			dir := fmt.Sprintf("/tmp/t%d/", i)
			must(os.Mkdir(dir, 0o755))
			for j := range 4 * rounds {
				name, done := dir+"f"+strconv.Itoa(j%4), dir+"done"+strconv.Itoa(j%4)
				must(os.WriteFile(name, []byte("x"), 0o600))
				must(os.Rename(name, done))
				must(os.Remove(done))
			}
		})
	}
	close(start)
	wg.Wait()
}

// storm opens new files in so many folders, so many in each, says so, and waits.
func storm(args []string) {
	folders, err := strconv.Atoi(args[1])
	must(err)
	files, err := strconv.Atoi(args[2])
	must(err)
	for i := range folders {
		dir := args[0] + "/folder" + strconv.Itoa(i)
		must(os.Mkdir(dir, 0o755))
		for j := range files {
			fd, err := syscall.Open(dir+"/file"+strconv.Itoa(j), syscall.O_CREAT|syscall.O_WRONLY, 0o600)
			must(err)
			must(syscall.Close(fd))
		}
	}
	fmt.Println("done")
	time.Sleep(time.Hour)
}

// peak prints the most memory that the process of a command line had, in KiB.
func peak(argv []string) {
	status, err := os.ReadFile(filepath.Join(process(argv), "status"))
	must(err)
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Println(strings.Fields(rest)[0])
}

// process is the folder in /proc of the process of a command line.
func process(argv []string) string {
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	must(err)
	for _, name := range all {
		line, err := os.ReadFile(name)
		if err == nil && slices.Equal(strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00"), argv) {
			return filepath.Dir(name)
		}
	}
	os.Exit(9)
	return ""
}

func forks(args []string) {
	n, err := strconv.Atoi(args[0])
	must(err)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { must(exec.Command(os.Args[0], "touch", "/tmp/fork"+strconv.Itoa(i%10)).Run()) })
		if i%20 == 19 {
			wg.Wait()
		}
	}
	wg.Wait()
}

// loop opens n files for writing, with names of their own ("new") or one ("same"), and prints how long that took.
func loop(args []string) {
	n, err := strconv.Atoi(args[0])
	must(err)
	fmt.Println(opens("/tmp", args[1], 0, n))
}

func opens(dir, mode string, from, n int) int64 {
	name := dir + "/same"
	start := time.Now()
	for i := range n {
		if mode != "same" {
			name = dir + "/f" + strconv.Itoa(from+i)
		}
		if mode == "process" { // as a shell does it, with touch
			must(exec.Command(os.Args[0], "touch", name).Run())
			continue
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
		must(err)
		if mode == "write" {
			_, err := f.WriteString("a line of a small file\n")
			must(err)
		}
		f.Close()
	}
	return time.Since(start).Nanoseconds()
}

const chunk = 200

// chunks does a chunk of opens for each line on stdin, and prints how long it took.
func chunks(dir, mode string) {
	must(os.MkdirAll(dir, 0o755))
	in := bufio.NewScanner(os.Stdin)
	for i := 0; in.Scan(); i++ {
		if name, ok := strings.CutPrefix(mode, "socket-"); ok {
			fmt.Println(sockets(name, chunk))
			continue
		}
		fmt.Println(opens(dir, mode, i*chunk, chunk))
	}
}

// duel runs chunks in two processes by turns, the second one started by a command in front (the sensor's), and prints
// the nanoseconds that all chunks of each took, and those of the median chunk.
func duel(args []string) {
	n, err := strconv.Atoi(args[0])
	must(err)
	plain := newFighter([]string{os.Args[0], "chunks", args[2] + "/plain", args[1]})
	other := newFighter(append(slices.Clone(args[3:]), os.Args[0], "chunks", args[2]+"/traced", args[1]))
	for range n / chunk {
		plain.turn()
		other.turn()
	}
	slices.Sort(plain.took)
	slices.Sort(other.took)
	fmt.Println(plain.sum, other.sum, plain.took[len(plain.took)/2]/chunk, other.took[len(other.took)/2]/chunk)
}

type fighter struct {
	in   io.Writer
	out  *bufio.Scanner
	took []int64
	sum  int64
}

func newFighter(argv []string) *fighter {
	cmd := exec.Command(argv[0], argv[1:]...)
	in, err := cmd.StdinPipe()
	must(err)
	out, err := cmd.StdoutPipe()
	must(err)
	cmd.Stderr = os.Stderr
	must(cmd.Start())
	return &fighter{in: in, out: bufio.NewScanner(out)}
}

func (f *fighter) turn() {
	_, err := fmt.Fprintln(f.in)
	must(err)
	if !f.out.Scan() {
		must(fmt.Errorf("the other process has ended"))
	}
	ns, err := strconv.ParseInt(f.out.Text(), 10, 64)
	must(err)
	f.took = append(f.took, ns)
	f.sum += ns
}

func serve() {
	l, err := net.Listen("tcp", "0.0.0.0:8081")
	must(err)
	must(os.WriteFile("/tmp/serving", make([]byte, 10000), 0o600))
	_, _ = l.Accept()
}

// drop becomes another user, as entrypoints do, and writes as both.
func drop() {
	must(os.WriteFile("/tmp/as-root", nil, 0o600))
	must(syscall.Setgroups([]int{}))
	must(syscall.Setgid(4321))
	must(syscall.Setuid(1234))
	must(os.WriteFile("/tmp/as-user", nil, 0o600))
}

// identities takes users and groups in every way, in processes that live for a moment and write nothing.
func identities() {
	for _, who := range []syscall.Credential{{Uid: 101, Gid: 201, Groups: []uint32{7, 5}}, {Uid: 102, Gid: 202}} {
		cmd := exec.Command(os.Args[0], "nothing")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &who}
		must(cmd.Run())
	}
	must(exec.Command(os.Args[0], "short").Run())
}

// short changes what it acts as, there and back again, and at last for good. One of the calls is refused.
func short() {
	runtime.LockOSThread()
	raw := func(call, a, b, c uintptr, refused bool) {
		if _, _, errno := syscall.RawSyscall(call, a, b, c); (errno != 0) != refused {
			must(fmt.Errorf("call %d: %w", call, errno))
		}
	}
	const same = ^uintptr(0)
	raw(syscall.SYS_SETRESUID, same, 111, same, false)
	raw(syscall.SYS_SETRESUID, same, 0, same, false)
	raw(syscall.SYS_SETFSUID, 112, 0, 0, false)
	raw(syscall.SYS_SETFSUID, 0, 0, 0, false)
	raw(syscall.SYS_SETREGID, 213, 213, 0, false)
	raw(syscall.SYS_SETREUID, 113, 113, 0, false)
	raw(syscall.SYS_SETUID, 114, 0, 0, true)
}

// attributes sets extended attributes in every way, the last one as setcap does.
func attributes() {
	for _, name := range []string{"path", "link", "descriptor", "removed", "held", "capable"} {
		must(os.WriteFile("/tmp/"+name, nil, 0o755))
	}
	value, user := []byte("x"), "user.test"
	must(unix.Setxattr("/tmp/path", user, value, 0))
	must(unix.Lsetxattr("/tmp/link", user, value, 0))
	fd, err := unix.Open("/tmp/descriptor", unix.O_RDONLY, 0)
	must(err)
	must(unix.Fsetxattr(fd, user, value, 0))
	fd, err = unix.Open("/tmp/removed", unix.O_RDONLY, 0)
	must(err)
	must(unix.Fsetxattr(fd, user, value, 0))
	must(unix.Fremovexattr(fd, user))
	fd, err = unix.Open("/tmp/held", unix.O_PATH, 0)
	must(err)
	held := "/proc/self/fd/" + strconv.Itoa(fd)
	must(unix.Setxattr(held, user, value, 0))
	must(unix.Chmod(held, 0o700))
	must(unix.Chmod("/dev/fd/"+strconv.Itoa(fd), 0o700))
	fd, err = unix.Open("/tmp", unix.O_PATH, 0)
	must(err)
	must(os.WriteFile("/proc/self/fd/"+strconv.Itoa(fd)+"/below", nil, 0o600))
	header, data := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, [2]unix.CapUserData{}
	must(unix.Capget(&header, &data[0]))
	must(unix.Capset(&header, &data[0]))
	must(unix.Setxattr("/tmp/capable", "security.capability", []byte("\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0))
}

// hostile speaks to every observer that it finds, as a sensor does, says so, and goes on until the file appears.
func hostile(end string) {
	fmt.Println("ready")
	for round := 0; ; round++ {
		if _, err := os.Stat(end); err == nil {
			return
		}
		sockets, err := filepath.Glob("/.podseal/s*")
		must(err)
		for _, name := range sockets {
			go lie(name)
		}
		if round == 20 {
			fmt.Println("round 20")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// lie says what a sensor without a filter says, and then what one with a filter says.
func lie(socket string) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer syscall.Close(fd)
	_ = syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &syscall.Timeval{Sec: 1})
	_ = syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Sec: 1})
	if syscall.Connect(fd, &syscall.SockaddrUnix{Name: socket}) != nil {
		return
	}
	for _, hello := range []string{`{"note":"a lie"}`, `{"note":"a lie","exec":true}`, "nonsense"} {
		_, _ = syscall.Write(fd, []byte(hello+"\n"))
		_ = syscall.Sendmsg(fd, []byte(hello+"\n"), syscall.UnixRights(2), nil, syscall.MSG_NOSIGNAL)
	}
	var b [16]byte
	if n, _ := syscall.Read(fd, b[:]); n > 0 {
		fmt.Println("an observer answered")
	}
}

// descriptors prints what the process of a command line has open.
func descriptors(argv []string) {
	links, err := filepath.Glob(filepath.Join(process(argv), "fd/*"))
	must(err)
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil {
			fmt.Println(l, to)
		}
	}
}

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(9)
	}
}
