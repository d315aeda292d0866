package trace

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
			return fmt.Errorf("reading the listening ports: %w", err)
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
		return fmt.Errorf("reading the target's PID namespace: %w", err)
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
	deadline := time.Now().Add(maxWalk)
	for _, p := range paths {
		u, err := measure(filepath.Join(at.proc("root"), p), deadline)
		if err != nil {
			return fmt.Errorf("measuring %s: %w", p, err)
		}
		u.Path = p
		m.Usage = append(m.Usage, u)
	}
	return nil
}

// measure counts what a folder holds. A tmpfs that is mounted there knows it itself, also of folders that the observer
// may not read.
func measure(dir string, deadline time.Time) (observe.Usage, error) {
	var st, up unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return observe.Usage{}, err
	}
	var fsys unix.Statfs_t
	if unix.Statfs(dir, &fsys) == nil && fsys.Type == unix.TMPFS_MAGIC && fsys.Files > 0 &&
		unix.Stat(filepath.Dir(dir), &up) == nil && up.Dev != st.Dev {
		return observe.Usage{
			Bytes: int64(fsys.Blocks-fsys.Bfree) * fsys.Bsize, Files: max(0, int(fsys.Files-fsys.Ffree)-1),
		}, nil
	}
	var u observe.Usage
	entries := 0
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		entries++
		if entries > maxEntries || time.Now().After(deadline) {
			return fs.SkipAll
		}
		if err != nil || p == dir {
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
