package observer

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// container locates the target by its first process, as the observer's PID namespace numbers it.
type container struct {
	pid  int
	root int // descriptor of the container's root
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
