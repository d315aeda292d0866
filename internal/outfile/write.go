package outfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// temporary creates a file in a folder, with the mode that the umask leaves.
func temporary(dir string) (*os.File, error) {
	for {
		name := filepath.Join(dir, fmt.Sprintf(".podseal-%08x", rand.Uint32())) //nolint:gosec // O_EXCL makes it ours
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)     //nolint:gosec // as a shell's redirection
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// write puts data into a regular file, by a rename of a complete and synced one. A file that has other hard links, or an
// owner or attributes that a new file cannot get, is written over instead, after the complete new content is on the disk
// in another file.
func write(path string, data []byte) (err error) {
	f, err := temporary(filepath.Dir(path))
	if err != nil {
		return reason(err)
	}
	keep := false
	defer func() {
		_ = f.Close() // closed already where nothing failed
		if err != nil && !keep {
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(data); err != nil {
		return reason(err)
	}
	over := false
	if st, serr := os.Stat(path); serr == nil {
		over = links(st) > 1 || copyAttributes(f, path, st) != nil
	}
	if err = errors.Join(f.Sync(), f.Close()); err != nil {
		return reason(err)
	}
	if over {
		if keep, err = overwrite(path, data); keep {
			return fmt.Errorf("%w; the new content is in %s", err, f.Name())
		} else if err == nil {
			err = os.Remove(f.Name())
		}
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return reason(err)
	}
	return syncFolder(filepath.Dir(path))
}

// overwrite writes data into a file as it stands. begun is true where an error left it half written.
func overwrite(path string, data []byte) (begun bool, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return false, reason(err)
	}
	if _, err = f.WriteAt(data, 0); err == nil {
		err = errors.Join(f.Truncate(int64(len(data))), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return true, reason(err)
	}
	return false, nil
}

// syncFolder makes a rename survive a crash. Not every file system can sync a folder; the content is safe without.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return nil //nolint:nilerr // a folder that may be written but not read
	}
	_ = d.Sync()
	return d.Close()
}

// overwritable reports, as an error, that a file cannot be opened for writing.
func overwritable(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return f.Close()
}
