//go:build unix

package outfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// links returns the number of hard links of a file.
func links(st fs.FileInfo) uint64 {
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Nlink) //nolint:unconvert // its type differs by system
	}
	return 1
}

// sticky refuses a file in a sticky folder that only its owner may replace (unlink(2), EPERM).
func sticky(dir string, file fs.FileInfo) error {
	st, err := os.Stat(dir)
	if err != nil || st.Mode()&os.ModeSticky == 0 || os.Geteuid() == 0 {
		return nil //nolint:nilerr // the probe of the folder reports it
	}
	folder, ok := st.Sys().(*syscall.Stat_t)
	owner, known := file.Sys().(*syscall.Stat_t)
	if uid := os.Geteuid(); ok && known && int(owner.Uid) != uid && int(folder.Uid) != uid {
		return fmt.Errorf("it belongs to uid %d, and folder %s is sticky: only its owner may replace it", owner.Uid, dir)
	}
	return nil
}

// copyAttributes gives a new file the owner, the mode and the extended attributes of another one.
func copyAttributes(f *os.File, path string, st fs.FileInfo) error {
	mine, err := f.Stat()
	if err != nil {
		return err
	}
	want, ok := st.Sys().(*syscall.Stat_t)
	have, known := mine.Sys().(*syscall.Stat_t)
	if ok && known && (want.Uid != have.Uid || want.Gid != have.Gid) {
		if err := f.Chown(int(want.Uid), int(want.Gid)); err != nil {
			return err
		}
	}
	if err := f.Chmod(st.Mode()); err != nil {
		return err
	}
	return copyXattrs(f, path)
}

// hold opens a pipe or a device for writing. A pipe that nothing reads is refused: opening it would wait forever.
func hold(name string, mode fs.FileMode) (*Place, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	switch {
	case mode&os.ModeNamedPipe != 0 && errors.Is(err, syscall.ENXIO):
		return nil, fmt.Errorf("cannot write %s: it is a pipe that nothing reads: start its reader first", name)
	case err != nil:
		return nil, fmt.Errorf("cannot write %s: %w", name, reason(err))
	}
	return &Place{name: name, path: name, held: f}, nil
}
