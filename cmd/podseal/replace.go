package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/podseal/podseal/internal/emit"
)

// checkReplaceable tells early of a file that cannot be changed in place.
func checkReplaceable(name string) error {
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return badInput("%w", plainPathError(err))
	}
	st, err := os.Stat(real)
	if err != nil {
		return badInput("%w", plainPathError(err))
	}
	if !st.Mode().IsRegular() {
		return badInput("--in-place cannot change %s: it is no regular file", name)
	}
	return nil
}

// replaceFile puts new content into a file of the user's, whole or not at all. A symbolic link stays, the file that it
// leads to changes and keeps its mode. A file that was changed since it was read is left alone: its seal was proved for
// other content.
func replaceFile(r replacement) error {
	real, err := filepath.EvalSymlinks(r.path)
	if err != nil {
		return fmt.Errorf("changing %s: %w", r.path, err)
	}
	now, err := os.ReadFile(real)
	if err != nil {
		return fmt.Errorf("changing %s: %w", r.path, err)
	}
	if !bytes.Equal(now, r.before) {
		return fmt.Errorf("changing %s: it was changed while podseal ran, and is left as it is: run podseal again", r.path)
	}
	st, err := os.Stat(real)
	if err != nil {
		return fmt.Errorf("changing %s: %w", r.path, err)
	}
	return writeFileAs(real, r.now, st.Mode().Perm())
}

// diffName is a file's name in a diff: relative to here where it can be.
func diffName(name string) string {
	if filepath.IsAbs(name) {
		if here, err := os.Getwd(); err == nil {
			if relative, err := filepath.Rel(here, name); err == nil && filepath.IsLocal(relative) {
				name = relative
			}
		}
	}
	return strings.TrimPrefix(filepath.ToSlash(filepath.Clean(name)), "/")
}

// checkFolder tells early of a folder that cannot be made, or that holds what podseal did not write.
func checkFolder(name string) error {
	parent := filepath.Dir(filepath.Clean(name))
	if st, err := os.Stat(parent); err != nil || !st.IsDir() {
		return badInput("cannot write %s: there is no folder %s", name, parent)
	}
	entries, err := os.ReadDir(name)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return badInput("cannot write %s: it is there, and no folder", name)
	}
	for _, e := range entries {
		file := filepath.Join(name, e.Name())
		data, err := os.ReadFile(file)
		if err != nil || !bytes.HasPrefix(data, []byte(emit.KustomizeMark)) {
			return badInput("cannot write %s: it holds %s, which podseal did not write: name another folder", name, e.Name())
		}
	}
	return nil
}

// writeFolder writes a folder whole or not at all: beside the old one, which it then takes the place of.
func writeFolder(name string, files []emit.File) (err error) {
	name = filepath.Clean(name)
	if err := checkFolder(name); err != nil { // it may have changed meanwhile
		return err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(name), ".podseal-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	defer func() { _ = os.RemoveAll(fresh) }()     // the new folder where it failed, the old one else
	if err := os.Chmod(fresh, 0o755); err != nil { //nolint:gosec // manifests are no secret, and mkdir makes it so
		return fmt.Errorf("writing %s: %w", name, err)
	}
	for _, f := range files {
		if err := writeFile(filepath.Join(fresh, f.Name), f.Data); err != nil {
			return err
		}
	}
	old := fresh + ".old"
	switch err := os.Rename(name, old); {
	case os.IsNotExist(err):
	case err != nil:
		return fmt.Errorf("writing %s: %w", name, err)
	default:
		defer func() { _ = os.RemoveAll(old) }()
	}
	if err := os.Rename(fresh, name); err != nil {
		_ = os.Rename(old, name) // as it was
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
