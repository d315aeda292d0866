package observer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/observe"
)

// maxGroups bounds the supplementary groups that an identity lists.
const maxGroups = 64

// ids are the user or group ids of a thread, in the order of /proc/N/status.
type ids struct{ real, effective, saved, fs uint32 }

// has reports whether an id is one that the thread may take without a capability.
func (i ids) has(id uint32) bool { return id == i.real || id == i.effective || id == i.saved }

// after returns the id that a thread acts as once a call of this name has changed its ids. Arguments that keep an id are
// keep.
func (i ids) after(name string, args [3]uint32) uint32 {
	switch {
	case strings.HasPrefix(name, "setres"), strings.HasPrefix(name, "setre"):
		if args[1] == keep {
			return i.effective
		}
		return args[1]
	case args[0] == keep:
		return i.fs
	}
	return args[0]
}

// identity is what a thread acts as. groups are the supplementary ones.
type identity struct {
	uid, gid uint32
	groups   []uint32
}

// identity returns the user and groups that the caller acts as now.
func (c *caller) identity() identity { return identity{c.uid, c.gid, c.groups} }

// taken returns what the caller acts as after a call that changes its user or group, and whether the kernel allows that.
func (c *caller) taken(name string, args [3]uint32) (identity, bool) {
	name = strings.TrimSuffix(name, "32")
	id := c.identity()
	switch name {
	case "setuid", "setreuid", "setresuid", "setfsuid":
		id.uid = c.uids.after(name, args)
		return id, c.can(capSetUID) || c.uids.has(id.uid)
	case "setgid", "setregid", "setresgid", "setfsgid":
		id.gid = c.gids.after(name, args)
		return id, c.can(capSetGID) || c.gids.has(id.gid)
	}
	return id, false
}

// root reports whether an identity is root's, which no rootless run can take.
func (i identity) root() bool { return i.uid == 0 && i.gid == 0 }

// process returns an identity in the form of the host.
func (i identity) process(c *caller) observe.Process {
	p := observe.Process{PID: c.inner, UID: int64(i.uid), GID: int64(i.gid), Command: c.command}
	for _, g := range i.groups[:min(len(i.groups), maxGroups)] {
		if g != i.gid { // the engine lists it a second time
			p.Groups = append(p.Groups, int64(g))
		}
	}
	slices.Sort(p.Groups)
	return p
}

// identityKey returns a string that is the same for equal identities.
func identityKey(p observe.Process) string { return fmt.Sprint(p.UID, p.GID, p.Groups, p.Command) }
