// Package sensor is the tracer's process in the target: the entrypoint for a moment, which installs the filter and becomes
// the application.
package sensor

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/podseal/podseal/internal/trace/syscalls"
	"github.com/podseal/podseal/internal/trace/wire"
	"golang.org/x/sys/unix"
)

// Exit codes of a shell, and of docker run, for a program that cannot be started; and for a broken engine.
const (
	exitEngine        = 125
	exitNotExecutable = 126
	exitNotFound      = 127
)

// Main runs "podseal sensor [--socket NAME] [--wait DURATION] -- PROGRAM ARG...": it becomes the program, with every write
// notified to the observer. It returns only if the program cannot be started.
func Main(args []string) int {
	// The filter and no_new_privs belong to a thread: the one that execs.
	runtime.LockOSThread()
	flags := flag.NewFlagSet("podseal sensor", flag.ContinueOnError)
	socket := flags.String("socket", wire.DefaultSocket, "name of the observer's socket")
	wait := flags.Duration("wait", wire.DefaultWait, "how long to wait for the observer")
	if err := flags.Parse(args); err != nil {
		return exitEngine
	}
	argv := flags.Args()
	if len(argv) == 0 {
		fmt.Fprintln(os.Stderr, "podseal sensor: no program given")
		return exitNotFound
	}
	endBySignals()
	env := environ()
	// No other process of the target may control this one by ptrace while it speaks for it. The exec resets it.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		fmt.Fprintf(os.Stderr, "podseal sensor: protecting itself from ptrace: %v\n", err)
		return exitEngine
	}
	program, lookErr := findProgram(argv[0])
	conn, err := connect(wire.SocketAddress(*socket), *wait)
	if err == nil {
		// An observer that never comes is the host's to report: nothing may be added to the application's output.
		if err := handOver(conn, program); err != nil {
			fmt.Fprintf(os.Stderr, "podseal sensor: handing over to the observer: %v\n", err)
			return exitEngine
		}
	}
	if lookErr != nil {
		fmt.Fprintf(os.Stderr, "podseal sensor: starting %s: %v\n", argv[0], lookErr)
		return codeOf(lookErr)
	}
	// This Exec restores the limit of open files that the Go runtime has raised.
	err = syscall.Exec(program, argv, env)
	fmt.Fprintf(os.Stderr, "podseal sensor: starting %s: %v\n", argv[0], err)
	return codeOf(err)
}

func codeOf(err error) int {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
		return exitNotFound
	}
	return exitNotExecutable
}

// findProgram looks a program up as the container runtime does.
func findProgram(name string) (string, error) {
	p, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrDot) {
		err = nil
	}
	if err != nil && !strings.Contains(name, "/") && !errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w in PATH=%s", exec.ErrNotFound, os.Getenv("PATH"))
	}
	return p, err
}

// environ returns the environment byte for byte: os.Environ drops duplicates.
func environ() []string {
	b, err := os.ReadFile("/proc/self/environ")
	if err != nil || len(b) == 0 {
		return os.Environ()
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
}

// connect waits until an observer accepts this process. An observer that ends meanwhile, one of an earlier start, is
// followed by another.
func connect(socket string, wait time.Duration) (int, error) {
	pause := time.Millisecond
	for deadline := time.Now().Add(wait); ; {
		fd, err := connectOnce(socket, time.Until(deadline))
		if err == nil {
			return fd, nil
		}
		if time.Now().After(deadline) {
			return -1, fmt.Errorf("waiting for the observer: %w", err)
		}
		time.Sleep(pause)
		pause = min(2*pause, 5*time.Millisecond)
	}
}

// connectOnce connects and waits for the observer's greeting. Nothing has been installed yet, so that it can fail.
func connectOnce(socket string, wait time.Duration) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("making a socket: %w", err)
	}
	limit := unix.NsecToTimeval(int64(max(wait, time.Millisecond))) // zero would be no limit
	for _, option := range []int{unix.SO_SNDTIMEO, unix.SO_RCVTIMEO} {
		if err == nil {
			err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, option, &limit)
		}
	}
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: socket})
	}
	if err == nil {
		err = expectByte(fd, wire.Greeting)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// expectByte reads one byte from the observer.
func expectByte(fd int, want byte) error {
	b := make([]byte, 1)
	n, err := retryRead(fd, b)
	switch {
	case err != nil:
		return err
	case n == 0:
		return errors.New("the observer has closed the connection")
	case b[0] != want:
		return fmt.Errorf("the observer sent %q, not %q", b[0], want)
	}
	return nil
}

// handOver installs the filter, passes its descriptor and waits until the observer serves it. If the filter cannot be
// installed, it sends the reason. An error means that calls may be notified to nobody: the program must not start.
func handOver(conn int, program string) error {
	defer unix.Close(conn)
	// Bounds the wait for the answer: an observer that is gone must not leave the container hanging.
	if err := unix.SetsockoptTimeval(conn, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}); err != nil {
		return fmt.Errorf("bounding the wait for its answer: %w", err)
	}
	nnp, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	bound, note := err == nil && nnp == 1, ""
	if !bound { // else it would get none anyway
		note = needsPrivileges(program)
	}
	var rights []byte
	listener := -1
	if note == "" {
		var err error
		if listener, err = installFilter(); err != nil {
			note = err.Error()
		} else {
			rights = unix.UnixRights(listener)
		}
	}
	line, err := json.Marshal(wire.Hello{Note: note, Bound: bound})
	if err != nil {
		return err
	}
	if err := unix.Sendmsg(conn, append(line, '\n'), rights, nil, unix.MSG_NOSIGNAL); err != nil {
		if listener < 0 {
			return nil
		}
		return fmt.Errorf("passing the descriptor: %w", err)
	}
	err = expectByte(conn, wire.Serving)
	if listener < 0 {
		return nil
	}
	unix.Close(listener)
	if err != nil {
		return fmt.Errorf("waiting for its answer: %w", err)
	}
	return nil
}

func retryRead(fd int, b []byte) (int, error) {
	for {
		n, err := unix.Read(fd, b)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// needsPrivileges returns a sentence if a program takes privileges from its file, which it would lose if it were traced.
func needsPrivileges(program string) string {
	var st unix.Stat_t
	if unix.Stat(program, &st) != nil {
		return ""
	}
	setuid := st.Mode&unix.S_ISUID != 0 && int(st.Uid) != os.Geteuid()
	setgid := st.Mode&unix.S_ISGID != 0 && st.Mode&0o010 != 0 && int(st.Gid) != os.Getegid()
	caps := false
	if os.Geteuid() != 0 {
		n, err := unix.Getxattr(program, "security.capability", nil)
		caps = err == nil && n > 0
	}
	if setuid || setgid || caps {
		return "not traced: the program " + program + " takes privileges from its file (setuid, setgid or capabilities), " +
			"which a traced process cannot"
	}
	return ""
}

// installFilter puts the filter on this thread and returns the descriptor of its notifications.
func installFilter() (int, error) {
	if err := kernelCan(); err != nil {
		return -1, err
	}
	code, err := syscalls.Assemble(syscalls.Filter(syscalls.MachineArchs()))
	if err != nil {
		return -1, err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return -1, fmt.Errorf("not traced: setting no_new_privs: %w", err)
	}
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	// WAIT_KILLABLE_RECV (5.19): a signal does not abort a call that the observer inspects.
	for _, extra := range []uintptr{unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, 0} {
		fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
			unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|extra, uintptr(unsafe.Pointer(&prog)))
		switch {
		case errno == 0:
			return int(fd), nil
		case errno == unix.EBUSY:
			return -1, errors.New("not traced: the container has its own seccomp notification filter")
		case errno != unix.EINVAL || extra == 0:
			return -1, fmt.Errorf("not traced: the engine or the kernel refuses seccomp notifications: %w", errno)
		}
	}
	return -1, errors.New("not traced: the kernel has no seccomp notifications")
}

// kernelCan returns an error if a notified call cannot be continued, which came with Linux 5.5.
func kernelCan() error {
	if len(syscalls.MachineArchs()) == 0 {
		return fmt.Errorf("not traced: there is no filter for %s", runtime.GOARCH)
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return fmt.Errorf("not traced: asking for the kernel's version: %w", err)
	}
	release := unix.ByteSliceToString(u.Release[:])
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		return fmt.Errorf("not traced: reading the kernel's version %q: %w", release, err)
	}
	if major < 5 || major == 5 && minor < 5 {
		return fmt.Errorf("not traced: the kernel %s is older than 5.5", release)
	}
	return nil
}
