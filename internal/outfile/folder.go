package outfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// File is a file of a folder that is written whole.
type File struct {
	Name string
	Data []byte
}

// Folder is a folder that PrepareFolder found writable.
type Folder struct {
	name, path string
	own        func([]byte) bool
}

// PrepareFolder checks that a folder can be made or replaced: a folder that exists may hold only files that own accepts.
func PrepareFolder(name string, own func(content []byte) bool) (*Folder, error) {
	f := &Folder{name: name, path: filepath.Clean(name), own: own}
	st, err := os.Lstat(f.path)
	if err == nil && st.Mode()&os.ModeSymlink != 0 {
		if f.path, err = filepath.EvalSymlinks(name); err != nil {
			return nil, fmt.Errorf("cannot write %s: it is a link that leads nowhere", name)
		}
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	parent := filepath.Dir(f.path)
	if st, err := os.Stat(parent); err != nil || !st.IsDir() {
		return nil, fmt.Errorf("cannot write %s: there is no folder %s", name, parent)
	}
	if st, err := os.Stat(f.path); err == nil {
		if err := sticky(parent, st); err != nil {
			return nil, fmt.Errorf("cannot write %s: %w", name, err)
		}
	}
	return f, probe(name, parent)
}

// check refuses a folder that holds a file which is not podseal's own.
func (f *Folder) check() error {
	entries, err := os.ReadDir(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if st, serr := os.Stat(f.path); serr == nil && !st.IsDir() {
		return fmt.Errorf("cannot write %s: it exists and is not a folder", f.name)
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", f.name, reason(err))
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(f.path, e.Name()))
		if err != nil || !f.own(data) {
			return fmt.Errorf("cannot write %s: it holds %s, which podseal did not write: name another folder", f.name, e.Name())
		}
	}
	return nil
}

// Write writes the folder whole or not at all: a complete one takes the place of the old one.
func (f *Folder) Write(files []File) error {
	if err := f.check(); err != nil { // it may have changed since PrepareFolder
		return err
	}
	if err := f.write(files); err != nil {
		return fmt.Errorf("writing %s: %w", f.name, err)
	}
	return nil
}

func (f *Folder) write(files []File) error {
	fresh, err := temporary(filepath.Dir(f.path)) // for its name
	if err != nil {
		return reason(err)
	}
	_ = fresh.Close()
	made := fresh.Name() + ".new"
	defer func() { _, _ = os.Remove(fresh.Name()), os.RemoveAll(made) }()
	if err := os.Mkdir(made, 0o777); err != nil { //nolint:gosec // less the umask, as mkdir does
		return reason(err)
	}
	for _, file := range files {
		if err := write(filepath.Join(made, file.Name), file.Data); err != nil {
			return err
		}
	}
	return f.swap(made, fresh.Name()+".old")
}

// swap puts the complete folder in the place of the old one, which comes back where that fails.
func (f *Folder) swap(made, old string) error {
	err := os.Rename(f.path, old)
	replaced := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(made, f.path); err != nil {
		if replaced {
			err = errors.Join(err, os.Rename(old, f.path))
		}
		return err
	}
	if replaced {
		_ = os.RemoveAll(old)
	}
	return syncFolder(filepath.Dir(f.path))
}
