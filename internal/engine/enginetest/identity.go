package enginetest

import (
	"io/fs"
	"net/netip"
	"slices"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
)

// identity is the user of a process, with its capabilities.
type identity struct {
	uid, gid int64
	groups   []int64
	caps     []string
}

// can reports whether the process is root and has a capability. The capabilities of other users have no effect: they
// are not ambient.
func (i identity) can(c string) bool { return i.uid == 0 && slices.Contains(i.caps, c) }

// may reports whether the mode of an entry permits rwx bits.
func (i identity) may(e image.Entry, bits fs.FileMode) bool {
	mode := e.Mode.Perm()
	switch {
	case e.UID == i.uid:
		mode >>= 6
	case e.GID == i.gid || slices.Contains(i.groups, e.GID):
		mode >>= 3
	}
	return mode&bits == bits || i.can("DAC_OVERRIDE")
}

// connection returns what a datagram to an address shows. Every address takes it.
func (i identity) connection(at string, phase observe.Phase, traced bool) observe.Connection {
	to := netip.MustParseAddrPort(at) // the parser has checked it
	c := observe.Connection{
		Protocol: "udp", Address: to.Addr().String(), Port: int(to.Port()), Phase: phase, Outcome: observe.Allowed, UID: i.uid,
	}
	if traced {
		c.PID, c.Command = 1, "app"
	}
	return c
}
