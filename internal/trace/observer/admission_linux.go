package observer

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// admitTime is how long an executed command's sensor may take to connect.
	admitTime = time.Minute
	// helloTime bounds the exchange with a sensor that has connected.
	helloTime = 10 * time.Second
)

// admission decides which processes may speak to the observer. Every process of every target can connect to its socket;
// only those that the engine has started are accepted, each once.
type admission struct {
	mu       sync.Mutex
	expected map[int]expectation
	executed func(pid int) bool // reports whether the engine has executed a process; nil where it names each
	arrival  chan struct{}      // has an element while somebody may be expected
}

// expectation is a sensor that has not connected yet.
type expectation struct {
	exec  bool      // of an executed command, not of the entrypoint
	until time.Time // zero: until the observer ends
}

func newAdmission() *admission {
	return &admission{expected: map[int]expectation{}, arrival: make(chan struct{}, 1)}
}

// expect admits one connection of a process.
func (a *admission) expect(pid int, exec bool, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := expectation{exec: exec}
	if exec {
		e.until = now.Add(admitTime)
	}
	a.expected[pid] = e
	a.wake()
}

// wake lets wait return. mu is held.
func (a *admission) wake() {
	select {
	case a.arrival <- struct{}{}:
	default:
	}
}

// recognise admits every process that the engine has executed, by a function that reports whether it has.
func (a *admission) recognise(executed func(pid int) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.executed = executed
	a.wake()
}

// take reports whether a process is expected, and whether it is an executed command. It is not expected again.
func (a *admission) take(pid int) (exec, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e, ok := a.expected[pid]
	delete(a.expected, pid)
	if !ok && a.executed != nil && a.executed(pid) {
		return true, true
	}
	return e.exec, ok
}

// expire forgets the commands whose sensors have not connected in time, and returns how many.
func (a *admission) expire(now time.Time) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for pid, e := range a.expected {
		if !e.until.IsZero() && now.After(e.until) {
			delete(a.expected, pid)
			n++
		}
	}
	return n
}

// wait blocks until a sensor is expected. Connections stay in the socket's queue meanwhile.
func (a *admission) wait() {
	for range a.arrival {
		if a.pending() {
			return
		}
	}
}

// pending reports whether a sensor is expected, and lets the next wait return if so.
func (a *admission) pending() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.expected) == 0 && a.executed == nil {
		return false
	}
	a.wake()
	return true
}

// peer returns the process that made a connection, as the observer's PID namespace numbers it.
func peer(conn *net.UnixConn) (int, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("identifying the peer of a connection: %w", err)
	}
	var who *unix.Ucred
	var asked error
	if err := raw.Control(func(fd uintptr) {
		who, asked = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil || asked != nil {
		return 0, fmt.Errorf("identifying the peer of a connection: %w", errors.Join(err, asked))
	}
	return int(who.Pid), nil
}
