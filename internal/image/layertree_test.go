package image_test

import (
	"archive/tar"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/image"
)

func layerTree(t *testing.T, layers ...v1.Layer) *image.LayerTree {
	t.Helper()
	tree, err := image.NewLayerTree(layers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tree.Close() })
	return tree
}

// TestHardLinks follows hard links within a layer, to a lower layer, and to a link that leads there.
func TestHardLinks(t *testing.T) {
	tree := layerTree(t,
		layerOf(t, h{name: "low", body: "low", uid: 7}, h{name: "removed", body: "r", uid: 8}),
		layerOf(t,
			h{name: "far", kind: tar.TypeLink, link: "low"}, h{name: "farther", kind: tar.TypeLink, link: "far"},
			h{name: "own", body: noise(200_000), uid: 9}, h{name: "near", kind: tar.TypeLink, link: "own"},
			h{name: "nearer", kind: tar.TypeLink, link: "near"},
			h{name: "lost", kind: tar.TypeLink, link: "nowhere"}),
		layerOf(t, h{name: ".wh.low"}, h{name: ".wh.own"}),
	)
	for p, want := range map[string]int64{"/far": 7, "/farther": 7, "/near": 9, "/nearer": 9} {
		e, ok, err := tree.Lookup(t.Context(), p)
		data, rerr := tree.ReadFile(t.Context(), p)
		if err != nil || rerr != nil || !ok || e.Path != p || e.UID != want || e.Size != int64(len(data)) {
			t.Errorf("%s: %+v %t %v, %d bytes, %v", p, e, ok, err, len(data), rerr)
		}
	}
	for _, p := range []string{"/low", "/own"} {
		if e, ok, err := tree.Lookup(t.Context(), p); ok || err != nil {
			t.Errorf("%s: %+v, %v, although a layer removes it", p, e, err)
		}
	}
}

func TestMissingPaths(t *testing.T) {
	tree := layerTree(t, layerOf(t, h{name: "d/a", body: "a"}, h{name: "l", kind: tar.TypeSymlink, link: "d/a"}, h{name: "null", kind: tar.TypeChar}))
	for _, p := range []string{"/none", "/d/a", "/l"} {
		if list, more, err := tree.List(t.Context(), p, 10); len(list) > 0 || more || err != nil {
			t.Errorf("List(%s) = %v, %t, %v", p, list, more, err)
		}
	}
	if data, err := tree.ReadFile(t.Context(), "/l"); err != nil || string(data) != "a" {
		t.Errorf("ReadFile of a link = %q, %v", data, err)
	}
	for _, p := range []string{"/none", "/d", "/null"} {
		if _, err := tree.ReadFile(t.Context(), p); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("ReadFile(%s): %v", p, err)
		}
	}
}

func TestListLimit(t *testing.T) {
	mem, err := image.ParseMemTree("f 0644 0:0 /d/a\nf 0644 0:0 /d/b\nf 0644 0:0 /e")
	if err != nil {
		t.Fatal(err)
	}
	layers := layerTree(t, layerOf(t, h{name: "d/a"}, h{name: "e"}), layerOf(t, h{name: "d/b"}))
	for name, tree := range map[string]image.Tree{"MemTree": mem, "LayerTree": layers} {
		for limit, want := range map[int]string{1: "1 true", 2: "2 false", 3: "2 false"} {
			list, more, err := tree.List(t.Context(), "/d", limit)
			if got := fmt.Sprint(len(list), more); got != want || err != nil {
				t.Errorf("%s, limit %d: %s, %v, want %s", name, limit, got, err, want)
			}
		}
	}
}

// FuzzLayers compares the tree of layers with one that applies them from the bottom, as an engine does. A text has one
// entry a line: "NAME" a file, "NAME/" a folder, "-NAME" a removal, "=NAME/" an opaque folder; "--" begins the next layer.
func FuzzLayers(f *testing.F) {
	f.Add("a/b\na/c/d\n--\n-a/b\ne\n--\na/b/")
	f.Add("a/b/c\n--\na\n--\na/x")
	f.Add("a/b\na/c/d/\n--\n=a/\na/e")
	f.Add("a/\n--\n-a\n--\na/b\n--\n=a/")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 200 {
			t.Skip()
		}
		want := map[string]string{}
		var layers []v1.Layer
		for l := range strings.SplitSeq(text, "\n--\n") {
			headers, ok := headersOf(l)
			if !ok {
				t.Skip()
			}
			applyLayer(want, headers)
			layers = append(layers, layerOf(t, headers...))
		}
		tree := layerTree(t, layers...)
		list, _, err := tree.List(t.Context(), "/", 1000)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, e := range list {
			got[e.Path] = fmt.Sprint(e.Kind, e.UID)
			if one, ok, err := tree.Lookup(t.Context(), e.Path); !ok || err != nil || one != e {
				t.Errorf("Lookup(%s): %+v %t %v, List: %+v", e.Path, one, ok, err, e)
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: -want +got\n%s", text, d)
		}
	})
}

// headersOf returns the entries of a layer with those of their parents, as engines write them, each line with another owner.
// It refuses names that a layer has twice or that are a file and a folder: engines differ there.
func headersOf(text string) ([]h, bool) {
	var out []h
	kinds := map[string]byte{} // of names and their parents
	for i, line := range strings.Split(text, "\n") {
		x := h{name: line, uid: i + 1}
		mark := byte(0)
		if line != "" && strings.ContainsAny(line[:1], "-=") {
			mark, line = line[0], line[1:]
		}
		clean := strings.TrimSuffix(line, "/")
		if clean == "" || path.Clean(clean) != clean || path.IsAbs(clean) || strings.ContainsAny(clean, "-=.\\\x00") || kinds[clean] != 0 {
			return nil, false
		}
		folder := strings.HasSuffix(line, "/") && mark != '-'
		switch mark {
		case '-':
			x.name = path.Join(path.Dir(clean), ".wh."+path.Base(clean))
		case '=':
			x.name, folder = path.Join(clean, ".wh..wh..opq"), true
		}
		kinds[clean] = map[bool]byte{true: 'd', false: 'f'}[folder]
		for up := path.Dir(clean); up != "."; up = path.Dir(up) {
			if kinds[up] == 'f' {
				return nil, false
			}
			if kinds[up] == 0 {
				out = append(out, h{name: up + "/", uid: i + 1})
			}
			kinds[up] = 'd'
		}
		if mark == '=' {
			out = append(out, h{name: clean + "/", uid: i + 1})
		}
		out = append(out, x)
	}
	return out, true
}

// applyLayer changes a tree as an engine does that unpacks a layer over it: first what it removes, then what it adds.
func applyLayer(tree map[string]string, headers []h) {
	below := func(p, dir string) bool { return strings.HasPrefix(p, dir+"/") }
	for _, x := range headers {
		dir, name := path.Split("/" + x.name)
		dir = path.Clean(dir)
		gone, removal := strings.CutPrefix(name, ".wh.")
		switch {
		case name == ".wh..wh..opq":
			maps.DeleteFunc(tree, func(p, _ string) bool { return below(p, dir) })
		case removal:
			at := path.Join(dir, gone)
			maps.DeleteFunc(tree, func(p, _ string) bool { return p == at || below(p, at) })
		}
	}
	for _, x := range headers {
		at := path.Clean("/" + x.name)
		if strings.HasPrefix(path.Base(at), ".wh.") {
			continue
		}
		if strings.HasSuffix(x.name, "/") {
			tree[at] = fmt.Sprint("dir", x.uid)
			continue
		}
		maps.DeleteFunc(tree, func(p, _ string) bool { return below(p, at) })
		tree[at] = fmt.Sprint("file", x.uid)
	}
}
