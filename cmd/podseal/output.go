package main

import (
	"errors"
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
	st, err := os.Stat(name)
	switch {
	case err == nil && st.IsDir():
		return badInput("cannot write %s: it is a folder", name)
	case err == nil && !st.Mode().IsRegular():
		return nil // a device or a pipe, which no other file takes the place of
	}
	f, err := os.CreateTemp(filepath.Dir(linked(name)), ".podseal-*")
	if err != nil {
		return badInput("cannot write %s: %w", name, plainPathError(err))
	}
	_ = f.Close()
	_ = os.Remove(f.Name())
	return nil
}

// linked is where a file's symbolic links lead: they stay, as they do for a shell's redirection.
func linked(name string) string {
	if at, err := filepath.EvalSymlinks(name); err == nil {
		return at
	}
	return name
}

// writeFile writes a file whole or not at all. Into what is there and no regular file, a device or a pipe, it writes
// right away.
func writeFile(name string, data []byte) error { return writeFileAs(name, data, 0o644) }

// writeFileAs is writeFile for a file of a mode.
func writeFileAs(name string, data []byte, mode fs.FileMode) (err error) {
	name = linked(name)
	if st, err := os.Stat(name); err == nil && !st.Mode().IsRegular() {
		return writeInto(name, data)
	}
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

// writeInto writes into what is there.
func writeInto(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, plainPathError(err))
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
