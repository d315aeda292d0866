// Package outfile writes the files that a user names for results.
//
// A run takes minutes, so a destination that cannot be written must be refused before it: Prepare checks one, and the
// Place that it returns writes it at the end. A regular file is written whole or not at all, and keeps its owner, mode,
// extended attributes and hard links where it exists already.
package outfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Place is a destination that Prepare found writable.
type Place struct {
	name string   // as the user gave it
	path string   // the regular file, behind symbolic links
	held *os.File // a pipe or a device, open since Prepare: a reader that sees an early close would go away; else nil
}

// Prepare checks that a file can be written. It leaves nothing behind. Its errors name the file and the reason, in
// one sentence. Close must be called on the Place.
func Prepare(name string) (*Place, error) {
	st, err := os.Stat(name)
	switch {
	case err == nil && st.IsDir():
		return nil, fmt.Errorf("cannot write %s: it is a folder", name)
	case err == nil && !st.Mode().IsRegular():
		return hold(name, st.Mode())
	case err == nil:
		return existing(name, st)
	case errors.Is(err, fs.ErrNotExist):
		return missing(name)
	default:
		return nil, fmt.Errorf("cannot write %s: %w", name, Plain(err))
	}
}

// existing checks a regular file that a new one takes the place of, or that is written over.
func existing(name string, st fs.FileInfo) (*Place, error) {
	path, err := filepath.EvalSymlinks(name)
	if err != nil {
		path = name // a link of /proc, which has no path
	}
	p := &Place{name: name, path: path}
	if links(st) > 1 {
		if err := overwritable(path); err != nil {
			return nil, fmt.Errorf("cannot write %s: %w", name, Plain(err))
		}
	}
	dir := filepath.Dir(path)
	if err := sticky(dir, st); err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", name, err)
	}
	return p, probe(name, dir)
}

// missing checks the folder of a new file.
func missing(name string) (*Place, error) {
	if to, err := os.Readlink(name); err == nil {
		return nil, fmt.Errorf("cannot write %s: it is a link to %s, which does not exist", name, to)
	}
	dir := filepath.Dir(name)
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return nil, fmt.Errorf("cannot write %s: there is no folder %s", name, dir)
	}
	return &Place{name: name, path: name}, probe(name, dir)
}

// probe creates and removes a file in a folder.
func probe(name, dir string) error {
	f, err := temporary(dir)
	if err != nil {
		return fmt.Errorf("cannot write %s: no file can be created in folder %s: %w", name, dir, reason(err))
	}
	_ = f.Close()
	_ = os.Remove(f.Name())
	return nil
}

// Name returns the name that the user gave.
func (p *Place) Name() string { return p.name }

// Same reports whether two places are one regular file, or will be.
func (p *Place) Same(q *Place) bool {
	if p.held != nil || q.held != nil {
		return false
	}
	a, aerr := os.Stat(p.path)
	b, berr := os.Stat(q.path)
	if aerr == nil && berr == nil {
		return os.SameFile(a, b)
	}
	return aerr != nil && berr != nil && resolved(p.path) == resolved(q.path)
}

// resolved returns the path of a file that does not exist, with the links of its folder followed.
func resolved(path string) string {
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return path
	}
	if absolute, err := filepath.Abs(dir); err == nil {
		dir = absolute
	}
	return filepath.Join(dir, filepath.Base(path))
}

// Write writes data: a regular file whole or not at all, into a pipe or a device as it comes.
func (p *Place) Write(data []byte) error {
	if p.held != nil {
		_, err := p.held.Write(data)
		if err = errors.Join(err, p.held.Close()); err != nil {
			return fmt.Errorf("writing %s: %w", p.name, reason(err))
		}
		return nil
	}
	if err := write(p.path, data); err != nil {
		return fmt.Errorf("writing %s: %w", p.name, err)
	}
	return nil
}

// Replace writes a file that must still hold what it held when it was read.
func (p *Place) Replace(old, data []byte) error {
	now, err := os.ReadFile(p.path)
	if err != nil {
		return fmt.Errorf("changing %s: %w", p.name, Plain(err))
	}
	if !bytes.Equal(now, old) {
		return fmt.Errorf("changing %s: it was changed while podseal ran, and is left as it is: run podseal again", p.name)
	}
	return p.Write(data)
}

// Regular reports whether the place is a regular file, or will be.
func (p *Place) Regular() bool { return p.held == nil }

// Close releases the place. It may be called more than once, and after Write.
func (p *Place) Close() {
	if p.held != nil {
		_ = p.held.Close() // closed already after Write
	}
}

// Plain shortens an error of the file system to one sentence: "no such file: x.yaml".
func Plain(err error) error {
	var pe *fs.PathError
	if !errors.As(err, &pe) {
		return err
	}
	if errors.Is(err, fs.ErrNotExist) {
		return missingError(pe.Path)
	}
	return fmt.Errorf("%s: %w", pe.Path, pe.Err)
}

// missingError is the error of a file that does not exist, by its name.
type missingError string

func (e missingError) Error() string { return "no such file: " + string(e) }
func (missingError) Unwrap() error   { return fs.ErrNotExist }

// reason returns the system's reason alone, for messages that name the file themselves.
func reason(err error) error {
	if pe := new(fs.PathError); errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
