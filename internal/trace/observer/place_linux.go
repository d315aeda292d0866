package observer

import (
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/trace/syscalls"
	"golang.org/x/sys/unix"
)

// place finds the file that the arguments name. It returns false if there is nothing to report.
func (a *attempt) place(fdArg, pathArg int8, follow bool) (place, bool) {
	return a.placeIn(false, fdArg, pathArg, follow)
}

func (a *attempt) placeIn(inRoot bool, fdArg, pathArg int8, follow bool) (place, bool) {
	name := ""
	if pathArg != syscalls.FDOnly && a.args[pathArg] != 0 {
		var err error
		if name, err = a.mem.path(a.c.tid, a.args[pathArg]); err != nil {
			a.noise = true
			return place{}, false
		}
	}
	fd := int32(unix.AT_FDCWD)
	if fdArg != syscalls.NoFD {
		fd = int32(a.args[fdArg])
	}
	onFD := pathArg == syscalls.FDOnly || name == "" && fdArg != syscalls.NoFD &&
		(a.args[pathArg] == 0 || a.call.Flags != syscalls.None && a.args[a.call.Flags]&unix.AT_EMPTY_PATH != 0)
	if onFD {
		return a.descriptor(fd)
	}
	root := a.c.root
	if inRoot {
		base, ok := a.base(fd)
		if !ok {
			return place{}, false
		}
		root = base
	}
	return a.find(root, fd, name, follow)
}

// find resolves a path against a root ("": the caller's) and a folder's descriptor.
func (a *attempt) find(root string, fd int32, name string, follow bool) (place, bool) {
	if root == "" {
		root = a.c.root
	}
	if link, rest, ok := a.c.magicLink(name); ok && (rest != "" || follow) {
		return a.through(root, link, rest, follow)
	}
	base := root
	if !strings.HasPrefix(name, "/") {
		if fd == syscalls.NoFD {
			fd = unix.AT_FDCWD
		}
		var ok bool
		if base, ok = a.base(fd); !ok {
			return place{}, false
		}
	}
	p := a.tree.resolve(root, base, name, follow)
	a.noise = p.noise
	return p, !p.noise
}

// base returns the path of a folder's descriptor or of the working folder.
func (a *attempt) base(fd int32) (string, bool) {
	link := "cwd"
	if fd != unix.AT_FDCWD {
		link = "fd/" + strconv.Itoa(int(fd))
	}
	return a.linkTarget(link)
}

// linkTarget returns the path that one of the caller's links in /proc leads to. Pipes and sockets have none.
func (a *attempt) linkTarget(link string) (string, bool) {
	p, err := "", error(nil)
	if fd, ok := strings.CutPrefix(link, "fd/"); ok {
		p, err = a.fdTarget(fd)
	} else {
		p, err = linkOf(a.c.tid, link)
	}
	if err != nil || !strings.HasPrefix(p, "/") {
		a.noise = true
		return "", false
	}
	return p, true
}

// fdTarget returns what the kernel prints for one of the caller's descriptors.
func (a *attempt) fdTarget(fd string) (target string, err error) {
	n, err := strconv.ParseInt(fd, 10, 32)
	if err != nil {
		return "", err
	}
	err = a.atFD(int32(n), func(at string) error {
		target, err = readLink(at)
		return err
	})
	return target, err
}

// atFD calls do with a path in /proc of one of the caller's descriptors. The folder of a process's descriptors is closed to
// the observer where the process has another user and the observer no capability to search it: do gets the path of a
// duplicate then (Linux 5.6), which is closed before the call continues.
func (a *attempt) atFD(fd int32, do func(at string) error) error {
	err := do("/proc/" + strconv.Itoa(a.c.tid) + "/fd/" + strconv.Itoa(int(fd)))
	if err != unix.EACCES {
		return err
	}
	process, err := unix.PidfdOpen(a.c.pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(process)
	duplicate, err := unix.PidfdGetfd(process, int(fd), 0)
	if err != nil {
		return err
	}
	defer unix.Close(duplicate)
	return do("/proc/self/fd/" + strconv.Itoa(duplicate))
}

// through finds a path that begins at one of the caller's links in /proc.
func (a *attempt) through(root, link, rest string, follow bool) (place, bool) {
	target, ok := a.linkTarget(link)
	if !ok {
		return place{}, false
	}
	if rest == "" {
		return a.openFile(target)
	}
	p := a.tree.resolve(root, target, rest, follow)
	a.noise = p.noise
	return p, !p.noise
}

// descriptor returns the place of an open file.
func (a *attempt) descriptor(fd int32) (place, bool) {
	p, ok := a.base(fd)
	if !ok {
		return place{}, false
	}
	return a.openFile(p)
}

// openFile returns the place of an open file whose path the kernel has printed.
func (a *attempt) openFile(p string) (place, bool) {
	out := a.tree.resolve("/", "/", p, false)
	out.chain = nil // it is open: nothing is searched
	if !out.exists && !out.blind && strings.HasSuffix(p, " (deleted)") {
		a.noise = true
		return place{}, false
	}
	a.noise = out.noise
	return out, !out.noise
}
