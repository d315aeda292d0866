package observer

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace/syscalls"
	"github.com/podseal/podseal/internal/trace/wire"
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
	at    *container // nil where the target cannot be observed: its calls only continue
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
	callers *callerCache
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

func ioctl(fd int, number uint, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(number), uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

// addWorker starts a worker.
func (l *listener) addWorker() {
	w := &worker{l: l, tree: newTree(l.at, &l.o.moved), callers: newCallerCache(&l.o.changed)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended.Load() {
		return // the descriptor is closed, or will be
	}
	l.workers = append(l.workers, w)
	l.alive++
	go w.serve()
}

// workerEnded counts a worker that has returned because no process has the filter any more. The last one closes the
// descriptor, so that an observer can serve any number of executed commands.
func (l *listener) workerEnded() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended.Store(true)
	if l.alive--; l.alive == 0 {
		unix.Close(l.fd)
	}
}

// finish waits, at most stuckAfter, until the workers have recorded the last calls. Their callers are dead.
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

// unblock adds a worker if all have been busy for longer than stuckAfter.
func (l *listener) unblock(now time.Time) {
	l.mu.Lock()
	stuck := len(l.workers) < maxWorkers
	for _, w := range l.workers {
		since := w.busy.Load()
		stuck = stuck && since != 0 && now.UnixNano()-since > int64(stuckAfter)
	}
	l.mu.Unlock()
	if stuck {
		l.addWorker()
	}
}

func (w *worker) serve() {
	defer w.l.workerEnded()
	var n notification
	for {
		// Up to Linux 6.10 the end of all callers does not wake a worker that waits in RECV. The observer ends with the container
		// and its filter; for the filter of a command the worker polls, which does report the end.
		if w.l.exec && !w.await() {
			return
		}
		n = notification{} // the kernel requires zeros
		err := ioctl(w.l.fd, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n))
		switch err {
		case nil:
		case unix.EINTR:
			continue
		default:
			if err != unix.ENOENT || w.over() {
				return
			}
			continue // the caller was killed before the worker could inspect it
		}
		now := time.Now()
		w.busy.Store(now.UnixNano())
		w.handle(&n, now)
		r := response{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
		// ENOENT: the caller has been killed meanwhile.
		_ = ioctl(w.l.fd, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r))
		w.busy.Store(0)
	}
}

// await waits for a call, and reports whether a process still has the filter.
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

// over reports whether no process has the filter any more.
func (w *worker) over() bool {
	p := []unix.PollFd{{Fd: int32(w.l.fd)}}
	_, err := unix.Poll(p, 0)
	return err == nil && p[0].Revents&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0
}

// handle records one call. Whatever happens here, the call continues.
func (w *worker) handle(n *notification, now time.Time) {
	o := w.l.o
	if w.l.at == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			o.table.lose()
			o.table.note(wire.KindNote, fmt.Sprintf("an event was lost to an error in the observer: %v", p))
		}
	}()
	call := syscalls.Find(o.calls, n.arch, n.nr)
	if call == nil {
		return
	}
	switch call.Action {
	case syscalls.ActUser, syscalls.ActGroups:
		w.identity(n, call)
		o.changed.Add(1)
		return
	case syscalls.ActIdentity:
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
	a := attempt{call: call, narrow: narrow(n.arch), args: n.args, c: c, tree: w.tree, mem: &w.mem, connections: o.connections, phase: o.table.current(), exec: w.l.exec}
	if call.Action == syscalls.ActExec {
		w.exec(&a)
		o.changed.Add(1)
		return
	}
	e := a.inspect()
	if a.moves {
		o.moved.Add(1)
	}
	switch {
	case e.write != nil:
		e.write.Exec = w.l.exec
		w.record(n, c, *e.write)
	case e.bind != nil && w.valid(n):
		v := judgePort(c, e.bind.Port, o.portStart)
		e.bind.Outcome, e.bind.Errno = v.outcome, v.errno
		o.table.bind(*e.bind)
	case e.connection != nil && w.valid(n):
		o.connect(*e.connection, now)
	case a.noise:
		o.table.drop()
	}
}

// identity records the user and groups that a call makes the application take. The call changes the facts about the thread,
// so they are not cached.
func (w *worker) identity(n *notification, call *syscalls.Call) {
	c, err := w.callers.read(int(n.pid))
	if err != nil || w.l.exec {
		return
	}
	a := attempt{call: call, narrow: narrow(n.arch), args: n.args, c: &c, mem: &w.mem}
	var id identity
	allowed := false
	if call.Action == syscalls.ActGroups {
		id, allowed = a.groups()
	} else {
		id, allowed = c.taken(call.Name, [3]uint32{a.id(n.args[0]), a.id(n.args[1]), a.id(n.args[2])})
	}
	if allowed && w.valid(n) {
		w.l.o.table.identity(&c, id)
	}
}

// record counts an attempt. If the caller was killed meanwhile, its number may be another process's now, and so may the
// data. A repetition of a known write saves the system call that checks it.
func (w *worker) record(n *notification, c *caller, write observe.Write) {
	if !w.l.o.table.repeated(c, write) && w.valid(n) {
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
	p, ok := a.place(a.call.DirFD, a.call.Path, true)
	if !ok || !p.exists || !p.target.is(modeFile) || p.target.mode&0o111 == 0 {
		return
	}
	setuid := p.target.mode&unix.S_ISUID != 0 && p.target.uid != a.c.uid
	setgid := p.target.mode&unix.S_ISGID != 0 && p.target.mode&0o010 != 0 && !a.c.in(p.target.gid)
	if setuid || setgid || w.tree.hasFileCaps(p.path) {
		w.l.o.table.note(wire.KindNote, fmt.Sprintf("%s executed %s, which takes privileges from its file and gets none while it "+
			"is traced", a.c.command, p.path))
	}
}

func narrow(arch uint32) bool { return arch == unix.AUDIT_ARCH_I386 || arch == unix.AUDIT_ARCH_ARM }
