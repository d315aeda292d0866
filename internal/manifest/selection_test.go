package manifest

import (
	"fmt"
	"testing"
)

// A message about a selection among several files names the first one and how many there are.
func TestSelectAmongFiles(t *testing.T) {
	var files []*File
	for i := range 3 {
		f, err := Parse(fmt.Sprintf("%d.yaml", i), []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: i}]}\n"), "")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	for _, c := range []struct {
		files []*File
		s     Selection
		want  string
	}{
		{files, Selection{Container: "b"}, "0.yaml and 2 more: no container is named b; there are: Pod/p with a; Pod/p with a; Pod/p with a"},
		{files[:2], Selection{Container: "a"}, `0.yaml and 1 more: container "a" is ambiguous: Pod p (0.yaml:1), Pod p (1.yaml:1) have one; choose with --select kind/name`},
		{nil, Selection{}, "the input: no Kubernetes object in it: each document of a manifest has apiVersion, kind and metadata"},
	} {
		if _, err := Select(c.files, c.s); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}
