package observer

import (
	"strings"

	"golang.org/x/sys/unix"
)

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
