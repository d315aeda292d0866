//go:build linux || darwin

package outfile

import (
	"bytes"
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// copyXattrs gives a new file the extended attributes of another one, POSIX ACLs and labels included. An attribute that
// the new file has already with the same value is left alone: a label may be set by the system only.
func copyXattrs(f *os.File, path string) error {
	names, err := xattrNames(path)
	if err != nil {
		return err
	}
	for _, name := range names {
		want, err := xattr(func(b []byte) (int, error) { return unix.Getxattr(path, name, b) })
		if err != nil {
			return err
		}
		have, err := xattr(func(b []byte) (int, error) { return unix.Fgetxattr(int(f.Fd()), name, b) })
		if err == nil && bytes.Equal(have, want) {
			continue
		}
		if err := unix.Fsetxattr(int(f.Fd()), name, want, 0); err != nil {
			return err
		}
	}
	return nil
}

// xattrNames lists the extended attributes of a file; none where the file system has none.
func xattrNames(path string) ([]string, error) {
	list, err := xattr(func(b []byte) (int, error) { return unix.Listxattr(path, b) })
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	return strings.FieldsFunc(string(list), func(r rune) bool { return r == 0 }), err
}

// xattr reads a value whose size the first call returns.
func xattr(read func([]byte) (int, error)) ([]byte, error) {
	for {
		size, err := read(nil)
		if err != nil || size == 0 {
			return nil, err
		}
		b := make([]byte, size)
		n, err := read(b)
		if errors.Is(err, unix.ERANGE) { // it grew in between
			continue
		}
		if err != nil {
			return nil, err
		}
		return b[:n], nil
	}
}
