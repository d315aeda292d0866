//go:build !unix

package outfile

import (
	"fmt"
	"io/fs"
	"os"
)

func links(fs.FileInfo) uint64 { return 1 }

func sticky(string, fs.FileInfo) error { return nil }

func copyAttributes(f *os.File, _ string, st fs.FileInfo) error { return f.Chmod(st.Mode()) }

func hold(name string, _ fs.FileMode) (*Place, error) {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", name, reason(err))
	}
	return &Place{name: name, path: name, held: f}, nil
}
