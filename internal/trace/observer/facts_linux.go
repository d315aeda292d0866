package observer

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace/procnet"
	"github.com/podseal/podseal/internal/trace/wire"
	"golang.org/x/sys/unix"
)

const (
	maxEntries = 500_000
	maxDepth   = 256 // of folders; each one on the way is open
	walkPiece  = 256 // entries that are read at once
	maxWalk    = 5 * time.Second
)

// listeningPorts reads the tables of the target's network namespace.
func listeningPorts(at *container, m *wire.Message) error {
	all, err := at.tcp.read(at, false)
	if err != nil {
		return fmt.Errorf("reading the listening ports: %w", procError(err))
	}
	m.Ports = procnet.ParseListening(all)
	return nil
}

// processes lists the processes of the target's PID namespace: no ps on the engine's host is needed.
func processes(at *container, m *wire.Message) error {
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
		if ns, err := os.Readlink(one.proc("ns/pid")); err != nil || ns != namespace || one.isObserver() {
			continue
		}
		status, err := readBounded(one.proc("status"), maxProcFile)
		if err != nil {
			continue // it has ended
		}
		if c, err := parseStatus(status); err == nil && len(m.Processes) < wire.MaxProcesses {
			m.Processes = append(m.Processes, observe.Process{
				PID: c.inner, UID: int64(c.uid), GID: int64(c.gid), Command: c.command, Main: pid == at.pid,
			})
		}
	}
	return nil
}

// usage measures folders of the target.
func usage(at *container, paths []string, m *wire.Message) error {
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
	w := walk{deadline: deadline}
	err = w.folder(dir, 0)
	return w.usage, err
}

// walk counts files, up to its bounds. It reads folders in pieces: a target may fill them as it likes.
type walk struct {
	usage    observe.Usage
	entries  int
	deadline time.Time
}

func (w *walk) folder(dir *os.Root, depth int) error {
	f, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		entries, err := f.ReadDir(walkPiece)
		for _, e := range entries {
			if w.entries++; w.entries > maxEntries || time.Now().After(w.deadline) {
				return nil
			}
			w.entry(dir, e, depth)
		}
		if err != nil || len(entries) == 0 {
			return nil //nolint:nilerr // the end, or a folder that has gone
		}
	}
}

// entry counts one entry. One that has gone, or may not be read, is passed over.
func (w *walk) entry(dir *os.Root, e fs.DirEntry, depth int) {
	info, err := dir.Lstat(e.Name())
	if err != nil {
		return
	}
	w.usage.Files++
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		w.usage.Bytes += sys.Blocks * 512
	}
	if !info.IsDir() || depth == maxDepth {
		return
	}
	if sub, err := dir.OpenRoot(e.Name()); err == nil {
		_ = w.folder(sub, depth+1)
		sub.Close()
	}
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
