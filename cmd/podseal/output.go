package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// checkWritable tells early of a file that cannot be written later.
func checkWritable(name string) error {
	if name == "" {
		return nil
	}
	dir := filepath.Dir(name)
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return badInput("cannot write %s: there is no folder %s", name, dir)
	}
	if st, err := os.Stat(name); err == nil && st.IsDir() {
		return badInput("cannot write %s: it is a folder", name)
	}
	return nil
}

// writeFile writes a file whole or not at all.
func writeFile(name string, data []byte) error { return writeFileAs(name, data, 0o644) }

// writeFileAs is writeFile for a file of a mode.
func writeFileAs(name string, data []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".podseal-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(data); err == nil {
		err = f.Chmod(mode)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
