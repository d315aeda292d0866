package report

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/seal"
)

var update = flag.Bool("update", false, "write the results into the goldens")

// views are what each golden shows of its result.
var views = []struct {
	name string
	show func(w *bytes.Buffer, res seal.Result) error
}{
	{"80 columns", func(w *bytes.Buffer, res seal.Result) error { return Text(w, res, TextOptions{}) }},
	{"132 columns, verbose", func(w *bytes.Buffer, res seal.Result) error {
		return Text(w, res, TextOptions{Width: 132, Verbose: true})
	}},
	{"markdown", func(w *bytes.Buffer, res seal.Result) error { return Markdown(w, res) }},
	{"json", func(w *bytes.Buffer, res seal.Result) error { return JSON(w, res) }},
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
			if *update {
				if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(txtar.Format(got))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
