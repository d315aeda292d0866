package seals

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/podseal/podseal/internal/infile"
	"github.com/podseal/podseal/internal/outfile"
	"github.com/podseal/podseal/internal/sealfile"
)

// Suffix ends the names of seal files.
const Suffix = ".seal.yaml"

// Load reads seal files. A folder stands for all files in it whose names end with Suffix. The errors are those of the input.
func Load(ctx context.Context, names []string) ([]sealfile.Entry, error) {
	var out []sealfile.Entry
	for _, name := range names {
		files, err := filesOf(name)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			source, err := infile.Read(ctx, file)
			if err != nil {
				return nil, err
			}
			entries, err := sealfile.Parse(filepath.ToSlash(filepath.Clean(file)), source)
			if err != nil {
				return nil, err
			}
			out = append(out, entries...)
		}
	}
	return out, nil
}

// filesOf returns the seal files of a folder, sorted by name; a file stands for itself.
func filesOf(name string) ([]string, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, outfile.Plain(err)
	}
	if !st.IsDir() {
		return []string{name}, nil
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, outfile.Plain(err)
	}
	var out []string
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), Suffix) {
			out = append(out, filepath.Join(name, e.Name()))
		}
	}
	return out, nil
}
