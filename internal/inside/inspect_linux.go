package inside

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// inspect prints facts about a container as cat, find and stat print them, for images without these.
func inspect(args []string, out io.Writer) int {
	if len(args) == 0 {
		return 2
	}
	w := bufio.NewWriter(out)
	var err error
	switch subject, rest := args[0], args[1:]; {
	case subject == Processes:
		err = printProcesses(w)
	case subject == Files && len(rest) == 1:
		err = printFiles(w, rest[0])
	case subject == Sizes && len(rest) == 1:
		err = walk(rest[0], "/", func(_ string, st *syscall.Stat_t) {
			if st.Mode&syscall.S_IFMT == syscall.S_IFREG {
				fmt.Fprintln(w, st.Size)
			}
		})
	default:
		return 2
	}
	if flushErr := w.Flush(); err == nil {
		err = flushErr
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// printProcesses prints the status of all processes, the tables of TCP sockets, and what the container has used, with the
// mark between them.
func printProcesses(w io.Writer) error {
	found, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		return err
	}
	printContents(w, found...)
	fmt.Fprintln(w, Mark)
	printContents(w, "/proc/net/tcp", "/proc/net/tcp6")
	fmt.Fprintln(w, Mark)
	printUse(w, "/sys/fs/cgroup")
	return nil
}

// printUse prints what a control group says, of version 2 and version 1: the peak of its memory in bytes, and its processor
// time in microseconds or nanoseconds.
func printUse(w io.Writer, group string) {
	read := func(name string) string {
		b, _ := os.ReadFile(filepath.Join(group, name)) // of another version
		return strings.TrimSpace(string(b))
	}
	for _, name := range []string{"memory.peak", "memory/memory.max_usage_in_bytes"} {
		if n := read(name); n != "" {
			fmt.Fprintln(w, "memory", n)
		}
	}
	for line := range strings.Lines(read("cpu.stat")) {
		if n, found := strings.CutPrefix(line, "usage_usec "); found {
			fmt.Fprintln(w, "us", strings.TrimSpace(n))
		}
	}
	if n := read("cpuacct/cpuacct.usage"); n != "" {
		fmt.Fprintln(w, "ns", n)
	}
}

// printContents prints files. Those that cannot be read, as of processes that have ended, are left out.
func printContents(w io.Writer, names ...string) {
	for _, name := range names {
		if b, err := os.ReadFile(name); err == nil {
			_, _ = w.Write(b) // the flush returns the error
		}
	}
}

// printFiles prints the mounts of a root file system, the status of this process, who reads the files, and the entries of
// the root file system: raw mode, owner, group, size, time, path.
func printFiles(w io.Writer, root string) error {
	mounts := "/proc/self/mounts"
	if process, found := strings.CutSuffix(root, "/root"); found && path.Dir(process) == "/proc" {
		mounts = process + "/mounts"
	}
	for _, name := range []string{mounts, "/proc/self/status"} {
		printContents(w, name)
		fmt.Fprintln(w, Mark)
	}
	return walk(root, "/", func(at string, st *syscall.Stat_t) {
		if !strings.Contains(at, "\n") {
			fmt.Fprintf(w, "%x %d %d %d %d %s\n", st.Mode, st.Uid, st.Gid, st.Size, st.Mtim.Sec, at)
		}
	})
}

// maxDepth bounds the directories on the way to a file: each is open.
const maxDepth = 256

// walk calls visit for a directory and the entries below it in the same file system. at is the name of the directory.
// Unreadable entries are left out. A running application may replace directories by links meanwhile: they are not followed.
func walk(folder, at string, visit func(at string, st *syscall.Stat_t)) error {
	dir, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer dir.Close()
	top, err := dir.Stat(".")
	if err != nil {
		return err
	}
	st, ok := top.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("reading %s: no status", folder)
	}
	visit(at, st)
	walkBelow(dir, at, st.Dev, 0, visit)
	return nil
}

func walkBelow(dir *os.Root, at string, device uint64, depth int, visit func(at string, st *syscall.Stat_t)) {
	f, err := dir.Open(".")
	if err != nil {
		return
	}
	defer f.Close()
	for {
		entries, err := f.ReadDir(256)
		for _, e := range entries {
			walkEntry(dir, path.Join(at, e.Name()), e, device, depth, visit)
		}
		if err != nil || len(entries) == 0 {
			return
		}
	}
}

func walkEntry(dir *os.Root, at string, e fs.DirEntry, device uint64, depth int, visit func(at string, st *syscall.Stat_t)) {
	info, err := dir.Lstat(e.Name())
	if err != nil || at == "/proc" || at == "/sys" || at == "/dev" {
		return
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	visit(at, st)
	if !info.IsDir() || st.Dev != device || depth == maxDepth {
		return
	}
	if sub, err := dir.OpenRoot(e.Name()); err == nil {
		walkBelow(sub, at, device, depth+1, visit)
		sub.Close()
	}
}
