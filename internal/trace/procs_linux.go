package trace

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// callersLive bounds how long a thread's facts are kept without a call that changes them; a number of a thread is not
// used again that soon.
const callersLive = time.Second

// callers keeps what is known of the threads that make calls, until one changes its user, program or root.
type callers struct {
	epoch *atomic.Uint64
	at    uint64
	known map[int]keptCaller
}

type keptCaller struct {
	caller caller
	at     time.Time
}

func newCallers(epoch *atomic.Uint64) *callers {
	return &callers{epoch: epoch, known: map[int]keptCaller{}}
}

func (s *callers) get(tid int, now time.Time) (*caller, error) {
	if e := s.epoch.Load(); e != s.at || len(s.known) > maxNodes {
		s.at = e
		clear(s.known)
	}
	if k, ok := s.known[tid]; ok && now.Sub(k.at) < callersLive {
		return &k.caller, nil
	}
	c, err := readCaller(tid)
	if err != nil {
		delete(s.known, tid)
		return nil, err
	}
	s.known[tid] = keptCaller{c, now}
	return &c, nil
}

func readCaller(tid int) (caller, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	if err != nil {
		return caller{}, err
	}
	c, err := parseStatus(b)
	if err != nil {
		return caller{}, err
	}
	c.tid = tid
	if c.pid != tid {
		// A thread has a name of its own; what people know is the process's.
		if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", c.pid)); err == nil {
			c.command = strings.TrimSuffix(string(b), "\n")
		}
	}
	c.root, err = linkOf(tid, "root")
	if err != nil || !strings.HasPrefix(c.root, "/") {
		c.root = "/"
	}
	return c, nil
}

// linkOf reads one of a thread's links in /proc: "cwd", "root" or "fd/N". The kernel prints the path as the thread's
// mount namespace has it.
func linkOf(tid int, name string) (string, error) {
	var b [pathMax]byte
	n, err := unix.Readlink(fmt.Sprintf("/proc/%d/%s", tid, name), b[:])
	if err != nil {
		return "", err
	}
	return string(b[:n]), nil
}
