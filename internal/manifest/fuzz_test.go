package manifest

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// Whatever the source, Parse returns pods with their containers and lines, or an error that names the file.
func FuzzParse(f *testing.F) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		f.Fatalf("no seeds (%v)", err)
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		file, err := Parse("in.yaml", source, "")
		if err != nil {
			if placed := new(Error); !errors.As(err, &placed) || placed.File != "in.yaml" {
				t.Errorf("no place in %v", err)
			}
			return
		}
		for _, p := range file.Pods {
			if lines := bytes.Count(source, []byte("\n")) + bytes.Count(source, []byte("\r")) + bytes.Count(source, []byte("\u0085")) +
				bytes.Count(source, []byte("\u2028")) + bytes.Count(source, []byte("\u2029")) + 1; p.Line < 1 || p.Line > lines {
				t.Errorf("%s is on line %d of %d", p, p.Line, lines)
			}
			if len(p.Containers) == 0 {
				t.Errorf("%s has no containers", p)
			}
		}
	})
}
