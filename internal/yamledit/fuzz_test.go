package yamledit

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"
)

// Whatever the source, the documents are the source, each node's span lies in its document, and the value of a document
// is the one that the Kubernetes tools read.
func FuzzParse(f *testing.F) {
	names, err := filepath.Glob("../manifest/testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		if CheckEncoding("in", source) != nil {
			return
		}
		var all []byte
		for i, c := range Split(source) {
			all = append(all, c.Text...)
			d, err := Parse("in", i, c)
			if err != nil {
				continue
			}
			checkSpans(t, d, d.Root, 0)
			if d.Root == nil || d.Root.Kind != yaml.MappingNode || bytes.ContainsAny(d.Text, "%!") { // explicit tags: libraries differ, manifests have none
				continue
			}
			want, err := kubernetes(d.Text)
			if err != nil {
				continue
			}
			var got any
			if err := d.Decode(d.Root, &got); err != nil {
				continue
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-kubernetes +got:\n%s", diff)
			}
		}
		if !bytes.Equal(all, bytes.TrimPrefix(source, byteOrderMark)) {
			t.Errorf("the documents are not the source")
		}
	})
}

func checkSpans(t *testing.T, d *Document, n *yaml.Node, depth int) {
	if n == nil || depth > 100 {
		return
	}
	start, err := d.Start(n)
	if err != nil {
		return
	}
	end, err := d.End(n, 0)
	if err == nil && (start < 0 || end < start || end > len(d.Text)) {
		t.Errorf("node %q spans %d to %d of %d", n.Value, start, end, len(d.Text))
	}
	for _, c := range n.Content {
		checkSpans(t, d, c, depth+1)
	}
}
