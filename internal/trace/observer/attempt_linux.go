package observer

import (
	"encoding/binary"
	"strings"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace/syscalls"
	"github.com/podseal/podseal/internal/trace/wire"
	"golang.org/x/sys/unix"
)

// attempt is one notified call while the observer inspects it.
type attempt struct {
	call        *syscalls.Call
	narrow      bool // pointers and longs have 4 bytes
	args        [6]uint64
	c           *caller
	tree        *tree
	mem         *memory
	connections *connections
	phase       observe.Phase
	exec        bool // of a command that was executed in the running container
	noise       bool // nothing that a mount could be about
	moves       bool // afterwards folders may be elsewhere, or have other modes
}

// effect is what a call does; one of its fields is set at most.
type effect struct {
	write      *observe.Write
	bind       *wire.Bind
	connection *observe.Connection
}

// inspect works out what a call does. No effect with noise unset means that the call cannot write or connect at all.
func (a *attempt) inspect() effect {
	switch a.call.Action {
	case syscalls.ActOpen, syscalls.ActOpenHow:
		return effect{write: a.open()}
	case syscalls.ActMkdir, syscalls.ActCreate:
		return effect{write: a.create()}
	case syscalls.ActRemove, syscalls.ActRmdir:
		return effect{write: a.remove()}
	case syscalls.ActRename, syscalls.ActLink:
		return effect{write: a.rename()}
	case syscalls.ActMeta:
		return effect{write: a.meta()}
	case syscalls.ActTruncate:
		p, ok := a.place(a.call.DirFD, a.call.Path, true)
		if !ok {
			return effect{}
		}
		return effect{write: a.write(p, judgeTruncate(a.c, p))}
	case syscalls.ActBind, syscalls.ActConnect, syscalls.ActSend, syscalls.ActSockets:
		return a.socket()
	}
	return effect{}
}

func (a *attempt) write(p place, v verdict) *observe.Write {
	return &observe.Write{
		Path: p.path, Call: a.call.Call, Outcome: v.outcome, Errno: v.errno,
		Dir: p.exists && p.target.is(modeDir),
	}
}

func (a *attempt) open() *observe.Write {
	raw, inRoot, err := a.openFlags()
	if err != nil {
		a.noise = true
		return nil
	}
	f := openFlags{
		create: raw&unix.O_CREAT != 0, exclusive: raw&unix.O_EXCL != 0, noFollow: raw&unix.O_NOFOLLOW != 0,
		write: raw&unix.O_ACCMODE != 0 || raw&unix.O_TRUNC != 0, tmpfile: raw&(unix.O_TMPFILE&^unix.O_DIRECTORY) != 0,
	}
	if raw&syscalls.WriteFlags == 0 || raw&unix.O_PATH != 0 {
		a.noise = true
		return nil
	}
	follow := !f.noFollow && (!f.create || !f.exclusive)
	p, ok := a.placeIn(inRoot, a.call.DirFD, a.call.Path, follow)
	if !ok {
		return nil
	}
	if p.exists && !p.target.is(modeFile) && !p.target.is(modeDir) && !p.target.is(modeLink) {
		a.noise = true // a device, a pipe or a socket: no file is written
		return nil
	}
	w := a.write(p, judgeOpen(a.c, p, f))
	if f.tmpfile {
		w.Path, w.Dir = join(p.path, anyName), false
	}
	return w
}

// openFlags returns an open's flags, and whether its path is to be looked up with the descriptor's folder as root.
func (a *attempt) openFlags() (flags uint64, inRoot bool, err error) {
	switch {
	case a.call.Action == syscalls.ActOpenHow:
		how, err := a.mem.words(a.c.tid, a.args[a.call.Flags], 8, 3)
		if err != nil {
			return 0, false, err
		}
		return how[0], how[2]&unix.RESOLVE_IN_ROOT != 0, nil
	case a.call.Flags == syscalls.None: // creat
		return unix.O_CREAT | unix.O_WRONLY | unix.O_TRUNC, false, nil
	}
	return a.args[a.call.Flags], false, nil
}

func (a *attempt) create() *observe.Write {
	p, ok := a.place(a.call.DirFD, a.call.Path, false)
	if !ok {
		return nil
	}
	device := false
	if a.call.Call == "mknod" {
		kind := a.args[a.call.Path+1] & modeType
		whiteout := kind == unix.S_IFCHR && a.args[a.call.Path+2] == 0
		device = (kind == unix.S_IFCHR || kind == unix.S_IFBLK) && !whiteout
	}
	w := a.write(p, judgeCreate(a.c, p, "EEXIST", device))
	w.Dir = a.call.Action == syscalls.ActMkdir
	return w
}

func (a *attempt) remove() *observe.Write {
	p, ok := a.place(a.call.DirFD, a.call.Path, false)
	if !ok {
		return nil
	}
	dir := a.call.Action == syscalls.ActRmdir || a.call.Flags != syscalls.None && a.args[a.call.Flags]&unix.AT_REMOVEDIR != 0
	w := a.write(p, judgeRemove(a.c, p, dir))
	if dir {
		w.Call, w.Dir = "rmdir", true
	}
	a.moves = dir || p.target.is(modeLink)
	return w
}

func (a *attempt) rename() *observe.Write {
	toFD, toPath := int8(syscalls.NoFD), a.call.Path+1
	if a.call.DirFD != syscalls.NoFD {
		toFD, toPath = a.call.DirFD+2, a.call.Path+2
	}
	flags := uint64(0)
	if a.call.Flags != syscalls.None {
		flags = a.args[a.call.Flags]
	}
	link := a.call.Action == syscalls.ActLink
	from, ok := a.place(a.call.DirFD, a.call.Path, link && flags&unix.AT_SYMLINK_FOLLOW != 0)
	if link && !ok && a.noise {
		// The link of an unnamed file: linkat of /proc/self/fd/N. Only the new name matters.
		a.noise, ok = false, true
		from.exists = true
	}
	if !ok {
		return nil
	}
	to, ok := a.place(toFD, toPath, false)
	if !ok {
		return nil
	}
	var v verdict
	switch {
	case link:
		v = judgeLink(a.c, from, to)
	case flags&unix.RENAME_NOREPLACE != 0 && to.exists:
		v = fails("EEXIST")
	default:
		v = judgeRename(a.c, from, to)
		a.moves = !from.target.is(modeFile) || to.exists && !to.target.is(modeFile)
	}
	w := a.write(from, v)
	w.To = to.path
	if w.Path == "" {
		w.Path = to.path
	}
	return w
}

func (a *attempt) meta() *observe.Write {
	flags := uint64(0)
	if a.call.Flags != syscalls.None {
		flags = a.args[a.call.Flags]
	}
	follow := flags&unix.AT_SYMLINK_NOFOLLOW == 0 && !strings.HasPrefix(a.call.Name, "l")
	p, ok := a.place(a.call.DirFD, a.call.Path, follow)
	if !ok {
		return nil
	}
	k := metaKind{}
	switch a.call.Call {
	case "chown":
		k.owner = true
		k.uid, k.gid = a.id(a.args[a.call.Path+1]), a.id(a.args[a.call.Path+2])
		if a.call.Path == syscalls.FDOnly {
			k.uid, k.gid = a.id(a.args[1]), a.id(a.args[2])
		}
	case "utime":
		k.now = a.args[a.call.Path+1] == 0
	}
	a.moves = p.target.is(modeDir) && a.call.Call != "utime"
	w := a.write(p, judgeMeta(a.c, p, k))
	if k.owner && k.uid != keep {
		w.Owner = int64(k.uid)
	}
	return w
}

// id returns the user or group id in an argument; the older calls of the 32-bit ABIs have 16 bits.
func (a *attempt) id(v uint64) uint32 {
	if a.narrow && a.call.Flags == syscalls.None && !strings.HasSuffix(a.call.Name, "32") {
		if v&0xffff == 0xffff {
			return keep
		}
		return uint32(v & 0xffff)
	}
	return uint32(v)
}

// groups returns what the caller acts as after setgroups, and whether the kernel allows that.
func (a *attempt) groups() (identity, bool) {
	size := 4
	if a.narrow && !strings.HasSuffix(a.call.Name, "32") {
		size = 2
	}
	id := identity{uid: a.c.uid, gid: a.c.gid}
	b := make([]byte, size*int(min(uint32(a.args[0]), maxGroups)))
	if len(b) > 0 {
		if n, err := a.mem.read(a.c.tid, a.args[1], b); err != nil || n < len(b) {
			return identity{}, false
		}
	}
	for ; len(b) > 0; b = b[size:] {
		if size == 2 {
			id.groups = append(id.groups, uint32(binary.LittleEndian.Uint16(b)))
		} else {
			id.groups = append(id.groups, binary.LittleEndian.Uint32(b))
		}
	}
	return id, a.c.can(capSetGID)
}
