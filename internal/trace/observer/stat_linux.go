package observer

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// maxTable bounds what is read of a table in /proc: of mounts, of sockets. Listening sockets come first in theirs.
const maxTable = 8 << 20

// readOnly reports whether a folder's file system is read-only.
func (t *tree) readOnly(n *node) bool {
	if !n.roDone {
		n.roDone = true
		if n.blind {
			n.ro = readOnlyAt(t.mountTable(), n.path)
		} else {
			n.ro = t.statfsReadOnly(n.path)
		}
	}
	return n.ro
}

func (t *tree) statfsReadOnly(p string) bool {
	fd, err := openBelow(t.root, p, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return readOnlyAt(t.mountTable(), p)
	}
	defer unix.Close(fd)
	var st unix.Statfs_t
	if unix.Fstatfs(fd, &st) != nil {
		return readOnlyAt(t.mountTable(), p)
	}
	return st.Flags&unix.ST_RDONLY != 0
}

func (t *tree) mountTable() []mountPoint {
	if time.Since(t.mountsAt) > time.Second {
		if b, err := readBounded(t.proc("mountinfo"), maxTable); err == nil {
			t.mounts = parseMounts(b)
		}
		t.mountsAt = time.Now()
	}
	return t.mounts
}

// stat returns a file's owner and mode, and whether something is mounted on it; a symbolic link is not followed.
func (t *tree) stat(p string) (m meta, mount bool, err error) {
	fd, err := openBelow(t.root, p, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return meta{}, false, err
	}
	defer unix.Close(fd)
	var x unix.Statx_t
	const flags = unix.AT_EMPTY_PATH | unix.AT_NO_AUTOMOUNT | unix.AT_STATX_DONT_SYNC
	err = unix.Statx(fd, "", flags, unix.STATX_TYPE|unix.STATX_MODE|unix.STATX_UID|unix.STATX_GID, &x)
	if err == nil {
		return meta{uint32(x.Mode), x.Uid, x.Gid}, x.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, nil
	}
	if err != unix.ENOSYS && err != unix.EPERM {
		return meta{}, false, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return meta{}, false, err
	}
	return meta{st.Mode, st.Uid, st.Gid}, false, nil
}

func (t *tree) readlink(p string) (string, error) {
	fd, err := openBelow(t.root, p, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	var b [pathMax]byte
	n, err := unix.Readlinkat(fd, "", b[:])
	if err != nil {
		return "", err
	}
	return string(b[:n]), nil
}

// hasFileCaps reports whether a program takes capabilities from its file.
func (t *tree) hasFileCaps(p string) bool {
	fd, err := openBelow(t.root, p, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	n, err := unix.Getxattr(fmt.Sprintf("/proc/self/fd/%d", fd), "security.capability", nil)
	return err == nil && n > 0
}

// errnoName returns the name of a system call's error, such as "EROFS"; "" for any other error.
func errnoName(err error) string {
	var no unix.Errno
	if errors.As(err, &no) {
		return unix.ErrnoName(no)
	}
	return ""
}

// openBelow opens a path below the root of a target. The target may replace any folder of the path by a symbolic link at
// any time: the kernel resolves links as the target would, never beyond the root, and follows no magic link of /proc.
func openBelow(root int, p string, flags int) (int, error) {
	rel := strings.TrimLeft(p, "/")
	if rel == "" {
		rel = "."
	}
	how := unix.OpenHow{
		Flags:   uint64(flags | unix.O_CLOEXEC),
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	}
	for range 16 {
		fd, err := unix.Openat2(root, rel, &how)
		switch err {
		case nil:
			return fd, nil
		case unix.EINTR, unix.EAGAIN: // a rename elsewhere raced with the resolution of ".."
			continue
		case unix.ENOSYS, unix.EPERM: // Linux before 5.6, or an engine's filter that does not know the call
			return openSteps(root, rel, flags)
		}
		return -1, err
	}
	return -1, unix.EAGAIN
}

// openSteps opens a path folder by folder. A symbolic link on the way is an error, ENOTDIR.
func openSteps(root int, rel string, flags int) (int, error) {
	at := root
	for {
		name, rest, more := strings.Cut(rel, "/")
		stepFlags := flags | unix.O_CLOEXEC
		if more {
			stepFlags = unix.O_PATH | unix.O_NOFOLLOW | unix.O_DIRECTORY | unix.O_CLOEXEC
		}
		if name == ".." {
			return -1, unix.EXDEV
		}
		fd, err := unix.Openat(at, name, stepFlags, 0)
		if at != root {
			unix.Close(at)
		}
		if err != nil || !more {
			return fd, err
		}
		at, rel = fd, strings.TrimLeft(rest, "/")
		if rel == "" {
			rel = "."
		}
	}
}
