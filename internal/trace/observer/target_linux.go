package observer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/podseal/podseal/internal/trace/wire"
	"golang.org/x/sys/unix"
)

// container locates the target by its first process, as the observer's PID namespace numbers it.
type container struct {
	pid  int
	root int // descriptor of the container's root
	tcp  tcpTables
}

// proc returns the path of one of the first process's files in /proc.
func (c *container) proc(name string) string { return "/proc/" + strconv.Itoa(c.pid) + "/" + name }

var (
	errNoTarget = errors.New("the observer has no container yet")
	// errTargetEnded is what a missing file of the target's first process in /proc means. The kernel removes some of them,
	// net among them, while the process is still being freed.
	errTargetEnded = errors.New("the container has ended")
)

// procError turns the error of one of the target's files in /proc into errTargetEnded, if it means that.
func procError(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return errTargetEnded
	}
	return err
}

// watch begins to observe a target, if there is none yet and pid is not 0.
func (o *observer) watch(pid int) error {
	if pid == 0 || o.target.Load() != nil {
		return nil
	}
	at := &container{pid: pid}
	var err error
	if at.root, err = unix.Open(at.proc("root"), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("opening the container's root: %w", procError(err))
	}
	if !o.target.CompareAndSwap(nil, at) {
		return unix.Close(at.root)
	}
	if at.hasObserver() {
		o.admission.recognise(func(peer int) bool { return peer != pid && fromOutside(peer) })
	}
	go func() {
		waitEnd(pid)
		o.end()
	}()
	return nil
}

func (o *observer) end() { o.ending.Do(func() { close(o.over) }) }

// waitEnd returns when a process that is not ours has ended; the first one of a container is the last to end in it.
func waitEnd(pid int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil { // Linux before 5.3, or it has ended
		for {
			if _, err := os.Stat("/proc/" + strconv.Itoa(pid)); err != nil {
				return
			}
			time.Sleep(flushEvery)
		}
	}
	defer unix.Close(fd)
	for {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if _, err := unix.Poll(p, -1); err != unix.EINTR {
			return
		}
	}
}

// hasObserver reports whether the observer is in the PID namespace of the target, as a container that Kubernetes adds to a
// pod is. Such an observer is killed with the target.
func (c *container) hasObserver() bool { return c.shares("pid") }

// isObserver reports whether a process is one of the observer's own container.
func (c *container) isObserver() bool { return c.shares("mnt") }

func (c *container) shares(namespace string) bool {
	own, err := os.Readlink("/proc/self/ns/" + namespace)
	theirs, otherErr := os.Readlink(c.proc("ns/" + namespace))
	return err == nil && otherErr == nil && own == theirs
}

// fromOutside reports whether a process of the observer's PID namespace was started from outside of it, as the engine
// executes commands. A process that loses its parent gets another one of its namespace: none that the target starts is.
func fromOutside(pid int) bool {
	one := container{pid: pid}
	status, err := readBounded(one.proc("status"), maxProcFile)
	if err != nil {
		return false
	}
	return bytes.Contains(status, []byte("\nPPid:\t0\n"))
}

// kill kills the target's first process.
func (o *observer) kill(r wire.Request) {
	err := errNoTarget
	if at := o.target.Load(); at != nil {
		err = killAsTracer(at.pid)
	}
	if err != nil {
		o.table.reply(wire.Message{Kind: wire.KindReply, Reply: r.ID, Note: err.Error(), Ended: errors.Is(err, unix.ESRCH)})
	}
}

// killAsTracer kills a process with SIGKILL, also the first one of the caller's own PID namespace, which no signal from
// inside the namespace kills: the kernel kills it when its tracer ends (PTRACE_O_EXITKILL), and the tracer is a thread.
func killAsTracer(pid int) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		if unix.Gettid() == unix.Getpid() {
			result <- killAsTracer(pid) // by another thread: the first one never ends
			runtime.UnlockOSThread()
			return
		}
		_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(pid), 0, unix.PTRACE_O_EXITKILL, 0, 0)
		if errno != 0 {
			result <- fmt.Errorf("killing the container's first process: %w", errno)
			return
		}
		result <- nil
	}()
	return <-result
}
