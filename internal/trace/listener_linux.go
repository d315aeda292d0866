package trace

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/podseal/podseal/internal/observe"
	"golang.org/x/sys/unix"
)

const (
	maxWorkers = 8
	stuckAfter = 250 * time.Millisecond
)

// notification is struct seccomp_notif, with room for a kernel whose struct is longer.
type notification struct {
	id    uint64
	pid   uint32
	flags uint32
	nr    int32
	arch  uint32
	ip    uint64
	args  [6]uint64
	_     [20]uint64
}

// response is struct seccomp_notif_resp.
type response struct {
	id    uint64
	val   int64
	err   int32
	flags uint32
	_     [20]uint64
}

// listener serves the notifications of one filter.
type listener struct {
	o     *observer
	at    *container // nil where nothing can be seen: the calls only go on
	fd    int
	bound bool // no_new_privs was set before the sensor: setuid programs get nothing with or without it
	exec  bool // of a command that was executed in the running container
	ended atomic.Bool

	mu      sync.Mutex
	workers []*worker
	alive   int // workers that have not returned
}

// worker answers notifications, one at a time.
type worker struct {
	l       *listener
	busy    atomic.Int64 // since when, 0 when it waits
	tree    *tree
	callers *callers
	mem     memory
}

// newListener makes sure that a descriptor is one of notifications.
func newListener(o *observer, fd int, bound, exec bool) (*listener, error) {
	id := uint64(0)
	if err := ioctl(fd, unix.SECCOMP_IOCTL_NOTIF_ID_VALID, unsafe.Pointer(&id)); err != unix.ENOENT {
		return nil, fmt.Errorf("checking a descriptor: %w", err)
	}
	// Linux 6.6: the caller and the observer wake each other on one processor. Without it it is slower.
	_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_SET_FLAGS, unix.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP)
	return &listener{o: o, at: o.target.Load(), fd: fd, bound: bound, exec: exec}, nil
}

func ioctl(fd int, request uint, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

// grow adds a worker.
func (l *listener) grow() {
	w := &worker{l: l, tree: newTree(l.at, &l.o.moved), callers: newCallers(&l.o.changed)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended.Load() {
		return // the descriptor is closed, or will be
	}
	l.workers = append(l.workers, w)
	l.alive++
	go w.serve()
}

// end is a worker's last act: no process has the filter any more. The last worker closes the descriptor, so that an
// observer can serve any number of executed commands.
func (l *listener) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended.Store(true)
	if l.alive--; l.alive == 0 {
		unix.Close(l.fd)
	}
}

// finish waits, for a moment at most, for what its workers look at: their callers are dead.
func (l *listener) finish() {
	l.mu.Lock()
	workers := slices.Clone(l.workers)
	l.mu.Unlock()
	for end := time.Now().Add(stuckAfter); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if !slices.ContainsFunc(workers, func(w *worker) bool { return w.busy.Load() != 0 }) {
			return
		}
	}
}

// relieve adds a worker if all have been busy for long.
func (l *listener) relieve(now time.Time) {
	l.mu.Lock()
	stuck := len(l.workers) < maxWorkers
	for _, w := range l.workers {
		since := w.busy.Load()
		stuck = stuck && since != 0 && now.UnixNano()-since > int64(stuckAfter)
	}
	l.mu.Unlock()
	if stuck {
		l.grow()
	}
}

func (w *worker) serve() {
	defer w.l.end()
	var n notification
	for {
		// Up to Linux 6.10 the end of all callers does not wake who waits in RECV. The observer ends with the container
		// and its own filter; for a command's one it is waited so that its end is seen.
		if w.l.exec && !w.await() {
			return
		}
		n = notification{} // the kernel wants it zero
		err := ioctl(w.l.fd, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n))
		switch err {
		case nil:
		case unix.EINTR:
			continue
		default:
			if err != unix.ENOENT || w.over() {
				return
			}
			continue // the caller was killed before it could be looked at
		}
		now := time.Now()
		w.busy.Store(now.UnixNano())
		w.see(&n, now)
		r := response{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
		// ENOENT: the caller has been killed meanwhile.
		_ = ioctl(w.l.fd, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r))
		w.busy.Store(0)
	}
}

// await waits for a call; it is false when no process has the filter any more.
func (w *worker) await() bool {
	for {
		p := []unix.PollFd{{Fd: int32(w.l.fd), Events: unix.POLLIN}}
		if _, err := unix.Poll(p, -1); err != nil && err != unix.EINTR {
			return false
		}
		if p[0].Revents&unix.POLLIN != 0 {
			return true
		}
		if p[0].Revents != 0 {
			return false
		}
	}
}

// over tells whether no process has the filter any more.
func (w *worker) over() bool {
	p := []unix.PollFd{{Fd: int32(w.l.fd)}}
	_, err := unix.Poll(p, 0)
	return err == nil && p[0].Revents&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0
}

// see records one call. Whatever happens in here, the call continues.
func (w *worker) see(n *notification, now time.Time) {
	o := w.l.o
	if w.l.at == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			o.table.lose()
			o.table.note(kindNote, fmt.Sprintf("an event was lost to an error in the observer: %v", p))
		}
	}()
	call := lookup(o.calls, n.arch, n.nr)
	if call == nil {
		return
	}
	switch call.action {
	case actUser, actGroups:
		w.identity(n, call)
		o.changed.Add(1)
		return
	case actIdentity:
		o.changed.Add(1)
		return
	}
	c, err := w.callers.get(int(n.pid), now)
	if err != nil {
		if w.valid(n) {
			o.table.lose()
		}
		return
	}
	w.tree.refresh(now)
	a := attempt{call: call, narrow: narrow(n.arch), args: n.args, c: c, tree: w.tree, mem: &w.mem}
	if call.action == actExec {
		w.exec(&a)
		o.changed.Add(1)
		return
	}
	write, bind := a.look()
	if a.moves {
		o.moved.Add(1)
	}
	switch {
	case write != nil:
		write.Exec = w.l.exec
		w.record(n, c, *write)
	case bind != nil && w.valid(n):
		v := judgePort(c, bind.Port, o.portStart)
		bind.Outcome, bind.Errno = v.outcome, v.errno
		o.table.bind(*bind)
	case a.noise:
		o.table.drop()
	}
}

// identity records the user and groups that a call makes the application take. What a thread is changes with the call:
// nothing of it is kept.
func (w *worker) identity(n *notification, call *syscall) {
	c, err := w.callers.read(int(n.pid))
	if err != nil || w.l.exec {
		return
	}
	a := attempt{call: call, narrow: narrow(n.arch), args: n.args, c: &c, mem: &w.mem}
	var id identity
	allowed := false
	if call.action == actGroups {
		id, allowed = a.groups()
	} else {
		id, allowed = c.taken(call.name, [3]uint32{a.id(n.args[0]), a.id(n.args[1]), a.id(n.args[2])})
	}
	if allowed && w.valid(n) {
		w.l.o.table.identity(&c, id)
	}
}

// record counts an attempt. What was read may have been another process's, if the caller was killed; asking for that
// costs a system call, which is saved where there is only something to count.
func (w *worker) record(n *notification, c *caller, write observe.Write) {
	if !w.l.o.table.again(c, write) && w.valid(n) {
		w.l.o.table.add(c, write)
	}
}

func (w *worker) valid(n *notification) bool {
	return ioctl(w.l.fd, unix.SECCOMP_IOCTL_NOTIF_ID_VALID, unsafe.Pointer(&n.id)) == nil
}

// exec notes a program that takes privileges from its file, which it does not get while it is traced.
func (w *worker) exec(a *attempt) {
	if w.l.bound || a.c.uid == 0 {
		return
	}
	p, ok := a.place(a.call.dirfd, a.call.path, true)
	if !ok || !p.exists || !p.target.is(modeFile) || p.target.mode&0o111 == 0 {
		return
	}
	setuid := p.target.mode&unix.S_ISUID != 0 && p.target.uid != a.c.uid
	setgid := p.target.mode&unix.S_ISGID != 0 && p.target.mode&0o010 != 0 && !a.c.in(p.target.gid)
	if setuid || setgid || w.tree.hasFileCaps(p.path) {
		w.l.o.table.note(kindNote, fmt.Sprintf("%s executed %s, which takes privileges from its file and gets none while it "+
			"is traced", a.c.command, p.path))
	}
}

func narrow(arch uint32) bool { return arch == unix.AUDIT_ARCH_I386 || arch == unix.AUDIT_ARCH_ARM }
