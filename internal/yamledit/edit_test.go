package yamledit

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/tree"
)

// TestEdit edits the documents of testdata/edit/*.txtar. "edit" is the edit: a mapping sets its keys, !remove removes one,
// !replace takes the place of a list, and !items has the keys prepend, append and the indexes of items that change. The
// place is the path in "at", else the document. "want" is the result, or the error.
func TestEdit(t *testing.T) {
	golden.Run(t, "testdata/edit/*.txtar", func(_ *testing.T, a *txtar.Archive) []txtar.File {
		files := map[string]string{}
		for _, f := range a.Files {
			files[f.Name] = string(f.Data)
		}
		in := strings.NewReplacer("<CR>\n", "\r", "<CRLF>", "\r", "<NEL>\n", "\u0085", "<LS>\n", "\u2028", "<BOM>", "\ufeff", "<EOF>\n", "").Replace(files["in"])
		text, changes, err := editText([]byte(in), strings.TrimSpace(files["at"]), files["edit"])
		if err != nil {
			return golden.Want("error: " + err.Error() + "\n")
		}
		shown := strings.NewReplacer("\r\n", "<CRLF>\n", "\r", "<CR>\n", "\u0085", "<NEL>\n", "\u2028", "<LS>\n", "\ufeff", "<BOM>").Replace(text)
		return []txtar.File{{Name: "want", Data: []byte(shown)}, {Name: "want-changes", Data: []byte(changes)}}
	})
}

// editText edits a stream of one document.
func editText(source []byte, at, edit string) (text, changes string, err error) {
	d, err := Parse("in", 0, Split(source)[0])
	if err != nil {
		return "", "", err
	}
	var steps []Step
	node := d.Root
	if at != "" {
		if steps, err = ParsePath(at); err != nil {
			return "", "", err
		}
		node, _ = Walk(d.Root, steps)
	}
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(edit), &n); err != nil {
		return "", "", err
	}
	wanted, _ := editOf(n.Content[0]).(tree.Object)
	e := d.NewEditor()
	made, err := e.Edit(Place{Path: steps, Node: node, Edit: wanted, Style: d.StyleOf(node, "list")})
	if err != nil {
		return "", "", err
	}
	patches, err := e.Patches()
	if err != nil {
		return "", "", err
	}
	out, err := Apply(source, patches)
	var b strings.Builder
	for _, c := range made {
		fmt.Fprintf(&b, "%d %s %s: %q to %q\n", c.Line, c.Action, c.Path, c.Old, c.New)
	}
	return string(out), b.String(), err
}

// editOf returns the edit of a node.
func editOf(n *yaml.Node) any {
	switch n.Tag {
	case "!remove":
		return tree.Removed{}
	case "!replace":
		return tree.Replaced(listOf(n))
	case "!items":
		var items tree.Items
		for i := 0; i < len(n.Content); i += 2 {
			switch key, value := n.Content[i].Value, n.Content[i+1]; key {
			case "prepend":
				items.Prepend = listOf(value)
			case "append":
				items.Append = listOf(value)
			default:
				index, _ := strconv.Atoi(key)
				edit, _ := editOf(value).(tree.Object)
				items.Change(index, edit)
			}
		}
		return items
	}
	switch n.Kind {
	case yaml.MappingNode:
		o := tree.Object{}
		for i := 0; i < len(n.Content); i += 2 {
			o = append(o, tree.Field{Key: n.Content[i].Value, Value: editOf(n.Content[i+1])})
		}
		return o
	case yaml.SequenceNode:
		return listOf(n)
	}
	if n.Tag == "!!int" {
		i, _ := strconv.ParseInt(n.Value, 10, 64)
		return i
	}
	if n.Tag == "!!bool" {
		return n.Value == "true"
	}
	return n.Value
}

func listOf(n *yaml.Node) []any {
	out := []any{}
	for _, item := range n.Content {
		out = append(out, editOf(item))
	}
	return out
}

// Whatever the document and the edit: an error, or a text whose bytes outside the patches are those of the source, that has
// the value which the edit makes of the source's, and that the same edit of values does not change again.
func FuzzEdit(f *testing.F) {
	for _, in := range []string{
		"a: 1\nb:\n- x\n- y: {z: 1}\n", "{\"a\": 1, \"b\": [2]}", "a: &x {b: 1}\nc: *x\n", "a:\n  b: |\n    text\n\n# end", "a: [\n  1,\n  2 ]\r\nb:\r\n",
		"? a\n: b\n", "a: !!str 1\nb: 'it''s'\n", "- a\n", "a: {<<: {b: 1}}\n", "a:\n- b\n# c\n  # d\ne: ~\n", "a: >-\n  x\nlist:\n    -   k: v\n",
	} {
		for _, key := range []string{"a", "b", "list", "new"} {
			f.Add([]byte(in), key, byte(len(in)))
		}
	}
	f.Fuzz(func(t *testing.T, source []byte, key string, kind byte) {
		if CheckEncoding("in", source) != nil || key == "" || strings.ContainsAny(key, "\x00") || len(Split(source)) != 1 {
			return
		}
		d, err := Parse("in", 0, Split(source)[0])
		if err != nil || d.Root == nil || d.Root.Kind != yaml.MappingNode {
			return
		}
		edit := tree.Object{{Key: key, Value: []any{
			"text", int64(7),
			tree.Object{{Key: "in", Value: "x y"}, {Key: "more", Value: tree.Object{{Key: "k", Value: true}}}},
			tree.Items{Append: []any{"last"}},
			tree.Items{Prepend: []any{tree.Object{{Key: "name", Value: "first"}}}, Append: []any{"last"}},
			tree.Replaced{"only"},
			tree.Replaced{},
			tree.Removed{},
		}[kind%8]}, {Key: "other", Value: int64(1)}}
		e := d.NewEditor()
		if _, err := e.Edit(Place{Node: d.Root, Edit: edit, Style: d.StyleOf(d.Root, key)}); err != nil {
			return
		}
		patches, err := e.Patches()
		if err != nil {
			return
		}
		out, err := Apply(source, patches)
		if err != nil {
			t.Fatal(err)
		}
		checkKept(t, source, out, patches)
	})
}

// checkKept checks that the bytes outside the patches are in a result, in their places.
func checkKept(t *testing.T, source, out []byte, patches []Patch) {
	t.Helper()
	from, to := 0, 0
	for _, p := range append(patches, Patch{Start: len(source), End: len(source)}) {
		kept := source[from:p.Start]
		if to+len(kept)+len(p.Text) > len(out) || string(out[to:to+len(kept)]) != string(kept) || string(out[to+len(kept):to+len(kept)+len(p.Text)]) != p.Text {
			t.Fatalf("bytes %d to %d are not kept:\n%q\n%q", from, p.Start, source, out)
		}
		from, to = p.End, to+len(kept)+len(p.Text)
	}
	if to != len(out) {
		t.Errorf("%d bytes are added at the end:\n%q\n%q", len(out)-to, source, out)
	}
}
