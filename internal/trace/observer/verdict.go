package observer

import "github.com/podseal/podseal/internal/observe"

// Mode bits, as stat has them everywhere.
const (
	modeType   = 0o170000
	modeDir    = 0o040000
	modeLink   = 0o120000
	modeFile   = 0o100000
	modeSticky = 0o1000

	wantExec  = 1
	wantWrite = 2
)

// meta is the mode and the owner of a file or folder.
type meta struct {
	mode     uint32
	uid, gid uint32
}

func (m meta) is(kind uint32) bool { return m.mode&modeType == kind }

// may reports whether the caller has the wanted permissions (bits as in a mode's last digit).
func (c *caller) may(m meta, want uint32) bool {
	bits := m.mode
	switch {
	case m.uid == c.uid:
		bits >>= 6
	case c.in(m.gid):
		bits >>= 3
	}
	if bits&want == want {
		return true
	}
	if c.can(capDACOverride) && (m.is(modeDir) || want&wantExec == 0 || m.mode&0o111 != 0) {
		return true
	}
	return c.can(capDACReadSearch) && m.is(modeDir) && want == wantExec
}

// place is one name in the tree, as a call finds it.
type place struct {
	path   string // as a mount would need it
	err    string // "ENOENT", "ENOTDIR", "ELOOP": the way there does not exist
	chain  []meta // the folders on the way that must be searched, the parent last
	parent meta
	ro     bool // the parent's file system is read-only
	blind  bool // the observer may not search there
	noise  bool // on a pseudo file system
	self   bool // the path names the folder itself (".", "/", a mount): it has no name in the parent

	exists   bool
	target   meta
	targetRO bool // of the target's own file system: a file may be a mount
}

// verdict is how a call will end, as far as it can be worked out.
type verdict struct {
	outcome observe.Outcome
	errno   string
}

var (
	allowed    = verdict{outcome: observe.Allowed}
	readOnly   = verdict{observe.Denied, "EROFS"}
	noAccess   = verdict{observe.Denied, "EACCES"}
	notAllowed = verdict{observe.Denied, "EPERM"}
)

// fails returns the verdict on a call that fails for a reason that no mount and no user would change.
func fails(errno string) verdict { return verdict{observe.Unknown, errno} }

// reach returns the verdict on a call whose caller cannot get to a place's parent; ok if it can.
func reach(c *caller, p place) (v verdict, ok bool) {
	for _, m := range p.chain {
		if !c.may(m, wantExec) {
			return noAccess, false
		}
	}
	if p.err != "" {
		return fails(p.err), false
	}
	return verdict{}, true
}

// judgeOpen works out an open for writing. The order of the checks is the kernel's.
func judgeOpen(c *caller, p place, flags openFlags) verdict {
	if v, ok := reach(c, p); !ok {
		return v
	}
	switch {
	case p.blind:
		return judgeBlind(p)
	case flags.tmpfile:
		return judgeInside(c, p.target, p.targetRO)
	case !p.exists && !flags.create:
		return fails("ENOENT")
	case !p.exists:
		return judgeInside(c, p.parent, p.ro)
	case flags.create && flags.exclusive:
		return fails("EEXIST")
	case p.target.is(modeDir):
		return fails("EISDIR")
	case p.target.is(modeLink):
		return fails("ELOOP")
	case !flags.write:
		return fails("") // O_CREAT on a file that exists, opened for reading
	case !c.may(p.target, wantWrite):
		return noAccess
	case p.targetRO:
		return readOnly
	}
	return allowed
}

// openFlags are the flags of an open that decide its outcome.
type openFlags struct{ create, exclusive, write, tmpfile, noFollow bool }

// judgeInside works out a new entry in a folder.
func judgeInside(c *caller, folder meta, ro bool) verdict {
	switch {
	case ro:
		return readOnly
	case !c.may(folder, wantWrite|wantExec):
		return noAccess
	}
	return allowed
}

// judgeBlind works out a call below a folder that the observer may not search, while the caller may: the file system
// decides, and otherwise the call is taken to succeed.
func judgeBlind(p place) verdict {
	if p.ro {
		return readOnly
	}
	return allowed
}

// judgeCreate works out mkdir, mknod, symlink, the new name of a link, and bind. taken is the error for a name that
// exists; device is true for a device node.
func judgeCreate(c *caller, p place, taken string, device bool) verdict {
	if v, ok := reach(c, p); !ok {
		return v
	}
	switch {
	case p.blind:
		return judgeBlind(p)
	case p.exists:
		return fails(taken)
	}
	if v := judgeInside(c, p.parent, p.ro); v != allowed {
		return v
	}
	if device && !c.can(capMknod) {
		return notAllowed
	}
	return allowed
}

// judgeRemove works out unlink, rmdir and the old name of a rename. The kernel reports a read-only file system before a
// missing name.
func judgeRemove(c *caller, p place, dir bool) verdict {
	if v, ok := reach(c, p); !ok {
		return v
	}
	switch {
	case p.self:
		return fails("EBUSY")
	case p.ro:
		return readOnly
	case p.blind:
		return judgeBlind(p)
	case !p.exists:
		return fails("ENOENT")
	case !c.may(p.parent, wantWrite|wantExec):
		return noAccess
	case protected(c, p):
		return notAllowed
	case dir && !p.target.is(modeDir):
		return fails("ENOTDIR")
	}
	return allowed
}

// protected reports whether a sticky folder keeps the caller from removing a file that another user owns.
func protected(c *caller, p place) bool {
	return p.parent.mode&modeSticky != 0 && p.target.uid != c.uid && p.parent.uid != c.uid && !c.can(capFowner)
}

// judgeRename works out a rename.
func judgeRename(c *caller, from, to place) verdict {
	if v := judgeRemove(c, from, false); v != allowed {
		return v
	}
	if v, ok := reach(c, to); !ok {
		return v
	}
	switch {
	case to.blind:
		return judgeBlind(to)
	case to.ro:
		return readOnly
	case !c.may(to.parent, wantWrite|wantExec):
		return noAccess
	case to.exists && protected(c, to):
		return notAllowed
	}
	return allowed
}

// judgeLink works out a hard link.
func judgeLink(c *caller, from, to place) verdict {
	if v, ok := reach(c, from); !ok {
		return v
	}
	if !from.exists && !from.blind {
		return fails("ENOENT")
	}
	return judgeCreate(c, to, "EEXIST", false)
}

// metaKind says which of the owner's changes a call makes.
type metaKind struct {
	owner    bool   // chown
	uid, gid uint32 // chown: the new ones, -1 to leave
	now      bool   // utimes with the time of the call: write permission is enough
}

const keep = 0xffffffff

// judgeMeta works out chmod, chown, utimes and setxattr.
func judgeMeta(c *caller, p place, k metaKind) verdict {
	if v, ok := reach(c, p); !ok {
		return v
	}
	switch {
	case p.blind:
		return judgeBlind(p)
	case !p.exists:
		return fails("ENOENT")
	case p.targetRO:
		return readOnly
	case k.owner:
		return judgeOwner(c, p.target, k)
	case c.uid == p.target.uid || c.can(capFowner):
		return allowed
	case k.now:
		if c.may(p.target, wantWrite) {
			return allowed
		}
		return noAccess
	}
	return notAllowed
}

func judgeOwner(c *caller, m meta, k metaKind) verdict {
	if c.can(capChown) {
		return allowed
	}
	uidKept := k.uid == keep || k.uid == m.uid && c.uid == m.uid
	gidKept := k.gid == keep || c.uid == m.uid && (k.gid == m.gid || c.in(k.gid))
	if uidKept && gidKept {
		return allowed
	}
	return notAllowed
}

// judgeTruncate works out truncate.
func judgeTruncate(c *caller, p place) verdict {
	if v, ok := reach(c, p); !ok {
		return v
	}
	switch {
	case p.blind:
		return judgeBlind(p)
	case !p.exists:
		return fails("ENOENT")
	case p.target.is(modeDir):
		return fails("EISDIR")
	case !c.may(p.target, wantWrite):
		return noAccess
	case p.targetRO:
		return readOnly
	}
	return allowed
}

// judgePort works out the bind of a port.
func judgePort(c *caller, port, start int) verdict {
	if port < start && !c.can(capNetBindService) {
		return noAccess
	}
	return allowed
}
