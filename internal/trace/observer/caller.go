package observer

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/observe"
)

// Capabilities that decide about writes.
const (
	capChown          = 0
	capDACOverride    = 1
	capDACReadSearch  = 2
	capFowner         = 3
	capSetGID         = 6
	capSetUID         = 7
	capNetBindService = 10
	capMknod          = 27
)

// caller is the thread that makes a call, with the facts that decide its permissions.
type caller struct {
	tid, pid int
	inner    int // the process's number in its own container
	command  string
	uid, gid uint32 // of the file system
	uids     ids
	gids     ids
	groups   []uint32
	caps     uint64 // effective
	root     string // as the container sees it; "/" but for a chroot
}

func (c *caller) can(capability uint) bool { return c.caps&(1<<capability) != 0 }

func (c *caller) in(gid uint32) bool { return c.gid == gid || slices.Contains(c.groups, gid) }

// magicLink splits a path that begins at one of the caller's own links in /proc: into the link ("fd/3", "cwd", "root") and
// the rest behind it. Programs act on files that they hold open in this way, where a call takes a path only.
func (c *caller) magicLink(p string) (link, rest string, ok bool) {
	names := strings.FieldsFunc(p, func(r rune) bool { return r == '/' })
	switch {
	case !strings.HasPrefix(p, "/") || len(names) < 2:
		return "", "", false
	case names[0] == "dev":
		names = deviceLink(names[1:])
	case names[0] != "proc" || names[1] != "self" && names[1] != "thread-self" && names[1] != strconv.Itoa(c.inner):
		return "", "", false
	default:
		names = names[2:]
	}
	n := 1
	switch {
	case len(names) > 1 && names[0] == "fd":
		if _, err := strconv.ParseUint(names[1], 10, 31); err != nil {
			return "", "", false
		}
		n = 2
	case len(names) == 0 || names[0] != "cwd" && names[0] != "root":
		return "", "", false
	}
	return strings.Join(names[:n], "/"), strings.Join(names[n:], "/"), true
}

// deviceLink returns what the links in /dev stand for: names below /proc/self.
func deviceLink(names []string) []string {
	if names[0] == "fd" {
		return names
	}
	for i, name := range []string{"stdin", "stdout", "stderr"} {
		if names[0] == name {
			return append([]string{"fd", strconv.Itoa(i)}, names[1:]...)
		}
	}
	return nil
}

var errStatus = errors.New("reading the status of a process: a line is missing")

// parseStatus reads /proc/<pid>/status.
func parseStatus(b []byte) (caller, error) {
	var c caller
	seen := 0
	for line := range bytes.Lines(b) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		value = bytes.TrimSpace(value)
		switch string(name) {
		case "Name":
			c.command = string(value)
		case "Tgid":
			c.pid = int(field(value, 0))
			seen++
		case "NStgid": // one for each PID namespace, from the reader's to its own
			c.inner = int(field(value, len(bytes.Fields(value))-1))
		case "Uid":
			c.uids = parseIDs(value)
			c.uid = c.uids.fs
			seen++
		case "Gid":
			c.gids = parseIDs(value)
			c.gid = c.gids.fs
			seen++
		case "Groups":
			c.groups = parseGroups(value)
		case "CapEff":
			caps, err := strconv.ParseUint(string(value), 16, 64)
			if err == nil {
				c.caps = caps
				seen++
			}
		}
	}
	if seen != 4 {
		return caller{}, errStatus
	}
	return c, nil
}

func parseIDs(line []byte) ids {
	return ids{field(line, 0), field(line, 1), field(line, 2), field(line, 3)}
}

func parseGroups(line []byte) []uint32 {
	var groups []uint32
	for f := range bytes.FieldsSeq(line) {
		groups = append(groups, field(f, 0))
	}
	return groups
}

// field returns the i-th number of a line, 0 if there is none.
func field(line []byte, i int) uint32 {
	f := bytes.Fields(line)
	if i >= len(f) {
		return 0
	}
	n, err := strconv.ParseUint(string(f[i]), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

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
