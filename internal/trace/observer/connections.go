package observer

import (
	"net/netip"
	"sync"
	"time"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace/wire"
)

// confirmTime is how long the tables of sockets are inspected for a connection whose outcome is not known.
const confirmTime = 10 * time.Second

// connections holds the connections that an observer has seen, each once.
type connections struct {
	mu      sync.Mutex
	known   map[observe.Connection]bool      // without process and outcome
	waiting map[observe.Connection]time.Time // those without an outcome, since when
	servers map[string]bool                  // inodes of UDP sockets that serve a port
	full    bool
}

func newConnections() *connections {
	return &connections{known: map[observe.Connection]bool{}, waiting: map[observe.Connection]time.Time{}, servers: map[string]bool{}}
}

// serve notes a UDP socket that has a port to serve. It sends answers only.
func (x *connections) serve(inode string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if inode != "" && len(x.servers) < wire.MaxBinds {
		x.servers[inode] = true
	}
}

// serves reports whether a UDP socket has a port to serve.
func (x *connections) serves(inode string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.servers[inode]
}

// keyOf returns what makes two connections the same.
func keyOf(c observe.Connection) observe.Connection {
	c.PID, c.Outcome = 0, ""
	return c
}

// repeated reports whether a connection is known with its outcome.
func (x *connections) repeated(c observe.Connection) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	k := keyOf(c)
	_, waits := x.waiting[k]
	return x.known[k] && !waits
}

// add notes a connection, and reports whether it is a new one, or has its outcome now. overflow is true once, for the first
// connection beyond the bound.
func (x *connections) add(c observe.Connection, now time.Time) (isNew, overflow bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	k := keyOf(c)
	_, waits := x.waiting[k]
	switch {
	case waits && c.Outcome == observe.Allowed:
		delete(x.waiting, k)
		return true, false
	case x.known[k]:
		return false, false
	case len(x.known) >= wire.MaxConnections:
		overflow, x.full = !x.full, true
		return false, overflow
	}
	x.known[k] = true
	if c.Outcome == observe.Unknown {
		x.waiting[k] = now
	}
	return true, false
}

// waits reports whether a connection of a protocol has no outcome yet. Those that are too old are forgotten.
func (x *connections) waits(protocol string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	found := false
	for k, since := range x.waiting {
		if time.Since(since) > confirmTime {
			delete(x.waiting, k)
			continue
		}
		found = found || k.Protocol == protocol
	}
	return found
}

// confirm returns the waiting connections whose addresses were found, with their outcome.
func (x *connections) confirm(protocol string, found map[netip.AddrPort]bool) []observe.Connection {
	x.mu.Lock()
	defer x.mu.Unlock()
	var out []observe.Connection
	for k := range x.waiting {
		addr, err := netip.ParseAddr(k.Address)
		if err != nil || k.Protocol != protocol || !found[netip.AddrPortFrom(addr, uint16(k.Port))] {
			continue
		}
		delete(x.waiting, k)
		k.Outcome = observe.Allowed
		out = append(out, k)
	}
	return out
}
