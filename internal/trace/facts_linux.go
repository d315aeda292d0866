package trace

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	stdsyscall "syscall"
	"time"

	"github.com/podseal/podseal/internal/observe"
	"golang.org/x/sys/unix"
)

const (
	maxEntries = 500_000
	maxWalk    = 5 * time.Second
)

// listeningPorts reads the tables of the target's network namespace.
func listeningPorts(at *container, m *message) error {
	var all []byte
	for _, name := range []string{"tcp", "tcp6"} {
		b, err := os.ReadFile(at.proc("net/" + name))
		if err != nil {
			if name == "tcp6" && os.IsNotExist(err) {
				continue // a kernel without IPv6
			}
			return fmt.Errorf("reading the listening ports: %w", procError(err))
		}
		all = append(all, b...)
	}
	m.Ports = ParseListening(all)
	return nil
}

// processes lists the processes of the target's PID namespace: no ps on the engine's host is needed.
func processes(at *container, m *message) error {
	namespace, err := os.Readlink(at.proc("ns/pid"))
	if err != nil {
		return fmt.Errorf("reading the target's PID namespace: %w", procError(err))
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return fmt.Errorf("listing processes: %w", err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		one := container{pid: pid}
		if ns, err := os.Readlink(one.proc("ns/pid")); err != nil || ns != namespace {
			continue
		}
		status, err := os.ReadFile(one.proc("status"))
		if err != nil {
			continue // it has ended
		}
		if c, err := parseStatus(status); err == nil {
			m.Processes = append(m.Processes, observe.Process{
				PID: c.inner, UID: int64(c.uid), GID: int64(c.gid), Command: c.command, Main: pid == at.pid,
			})
		}
	}
	return nil
}

// usage measures folders of the target.
func usage(at *container, paths []string, m *message) error {
	if _, err := os.Readlink(at.proc("ns/pid")); err != nil {
		return fmt.Errorf("measuring folders: %w", procError(err)) // the root outlives the process, its mounts may not
	}
	deadline := time.Now().Add(maxWalk)
	for _, p := range paths {
		u, err := measure(at.root, p, deadline)
		if err != nil {
			return fmt.Errorf("measuring %s: %w", p, err)
		}
		u.Path = p
		m.Usage = append(m.Usage, u)
	}
	return nil
}

// measure counts what a folder below a root holds. A tmpfs that is mounted there knows it itself, also of folders that the
// observer may not read. The target may exchange folders and links meanwhile: nothing outside the folder is visited.
func measure(root int, p string, deadline time.Time) (observe.Usage, error) {
	fd, err := openBelow(root, p, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return observe.Usage{}, err
	}
	defer unix.Close(fd)
	if u, ok := tmpfsUsage(fd); ok {
		return u, nil
	}
	dir, err := os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return observe.Usage{}, err
	}
	defer dir.Close()
	var u observe.Usage
	entries := 0
	err = fs.WalkDir(dir.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		entries++
		if entries > maxEntries || time.Now().After(deadline) {
			return fs.SkipAll
		}
		if err != nil || name == "." {
			return nil //nolint:nilerr // it has gone, or may not be read
		}
		info, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // as above
		}
		u.Files++
		if sys, ok := info.Sys().(*stdsyscall.Stat_t); ok {
			u.Bytes += sys.Blocks * 512
		}
		return nil
	})
	return u, err
}

// tmpfsUsage returns the usage of a tmpfs, if one is mounted at the folder.
func tmpfsUsage(fd int) (observe.Usage, bool) {
	var fsys unix.Statfs_t
	if unix.Fstatfs(fd, &fsys) != nil || fsys.Type != unix.TMPFS_MAGIC || fsys.Files == 0 {
		return observe.Usage{}, false
	}
	var x unix.Statx_t // Linux 5.8 has the attribute
	if unix.Statx(fd, "", unix.AT_EMPTY_PATH, 0, &x) != nil || x.Attributes&unix.STATX_ATTR_MOUNT_ROOT == 0 {
		return observe.Usage{}, false
	}
	return observe.Usage{
		Bytes: int64(fsys.Blocks-fsys.Bfree) * fsys.Bsize, Files: max(0, int(fsys.Files-fsys.Ffree)-1),
	}, true
}
