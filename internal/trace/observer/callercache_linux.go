package observer

import (
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/podseal/podseal/internal/trace/wire"
	"golang.org/x/sys/unix"
)

// callersLive bounds how long a thread's facts are kept without a call that changes them. The kernel does not reuse a
// thread's number that soon.
const (
	callersLive = time.Second
	// maxCallers bounds the memory of what is kept, in bytes.
	maxCallers = 4 << 20
	// maxProcFile bounds what is read of one file. The longest is a status with 65,536 groups.
	maxProcFile = 1 << 20
)

// callerCache keeps the facts about the threads that make calls, until one changes its user, program or root.
type callerCache struct {
	epoch *atomic.Uint64
	at    uint64
	known map[int]keptCaller
	bytes int    // of known
	buf   []byte // of file
}

type keptCaller struct {
	caller caller
	at     time.Time
}

func newCallerCache(epoch *atomic.Uint64) *callerCache {
	return &callerCache{epoch: epoch, known: map[int]keptCaller{}, buf: make([]byte, pageSize)}
}

func (s *callerCache) get(tid int, now time.Time) (*caller, error) {
	if e := s.epoch.Load(); e != s.at || s.bytes > maxCallers {
		s.at = e
		clear(s.known)
		s.bytes = 0
	}
	if k, ok := s.known[tid]; ok && now.Sub(k.at) < callersLive {
		return &k.caller, nil
	}
	c, err := s.read(tid)
	if err != nil {
		delete(s.known, tid)
		return nil, err
	}
	s.known[tid] = keptCaller{c, now}
	s.bytes += wire.KeyOverhead + len(c.command) + len(c.root) + 4*len(c.groups)
	return &c, nil
}

func (s *callerCache) read(tid int) (caller, error) {
	b, err := s.file(tid, "status")
	if err != nil {
		return caller{}, err
	}
	c, err := parseStatus(b)
	if err != nil {
		return caller{}, err
	}
	c.tid = tid
	if c.pid != tid {
		// A thread has its own name; the report shows the process's.
		if b, err := s.file(c.pid, "comm"); err == nil {
			c.command = strings.TrimSuffix(string(b), "\n")
		}
	}
	c.root, err = linkOf(tid, "root")
	if err != nil || !strings.HasPrefix(c.root, "/") {
		c.root = "/"
	}
	return c, nil
}

// file reads one of a process's files in /proc, with fewer system calls than os.ReadFile: processes that live shortly
// are many. The result is valid until the next read.
func (s *callerCache) file(pid int, name string) ([]byte, error) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	for n := 0; ; {
		got, err := unix.Read(fd, s.buf[n:])
		if err != nil {
			return nil, err
		}
		if n += got; n < len(s.buf) {
			return s.buf[:n], nil // these files are short of the buffer only at their end
		}
		if len(s.buf) >= maxProcFile {
			return s.buf, nil
		}
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
}

// readBounded reads at most limit bytes of a file whose length a target controls.
func readBounded(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// linkOf reads one of a thread's links in /proc: "cwd", "root" or "fd/N". The kernel prints the path as the thread's
// mount namespace has it.
func linkOf(tid int, name string) (string, error) {
	return readLink("/proc/" + strconv.Itoa(tid) + "/" + name)
}

func readLink(at string) (string, error) {
	var b [pathMax]byte
	n, err := unix.Readlink(at, b[:])
	if err != nil {
		return "", err
	}
	return string(b[:n]), nil
}
