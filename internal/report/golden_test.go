package report

import (
	"bytes"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/seal"
)

// views are what each golden shows of its result.
var views = []struct {
	name string
	show func(w *bytes.Buffer, res seal.Result) error
}{
	{"80 columns", func(w *bytes.Buffer, res seal.Result) error {
		return New(res).Text(w, TextOptions{Output: "on stdout", More: "--verbose"})
	}},
	{"132 columns, verbose", func(w *bytes.Buffer, res seal.Result) error {
		return New(res).Text(w, TextOptions{Width: 132, Verbose: true})
	}},
	{"markdown", func(w *bytes.Buffer, res seal.Result) error { return New(res).Markdown(w) }},
	{"json", func(w *bytes.Buffer, res seal.Result) error { return New(res).JSON(w) }},
}

func TestGoldens(t *testing.T) {
	all := fixtures()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name+".txtar")
			got := &txtar.Archive{}
			for _, v := range views {
				var buf bytes.Buffer
				if err := v.show(&buf, all[name]); err != nil {
					t.Fatal(err)
				}
				got.Files = append(got.Files, txtar.File{Name: v.name, Data: buf.Bytes()})
			}
			golden.Check(t, file, got)
		})
	}
}
