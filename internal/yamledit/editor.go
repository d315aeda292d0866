package yamledit

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/tree"
)

// Editor edits mappings of one document. It collects patches of the document's text; the text itself is not changed.
type Editor struct {
	doc     *Document
	places  []Place
	patches []Patch

	style      Style // of the place that is being edited
	base       string
	changes    []Change
	deviations tree.Deviations
}

// Place is a mapping of a document, with the edit that it gets.
type Place struct {
	Path  []Step     // from the document to the mapping
	Node  *yaml.Node // the mapping
	Edit  tree.Object
	Style Style // of new lines
}

// Change is one difference that an edit makes.
type Change struct {
	Action   string // "added", "replaced" or "removed"
	Line     int    // of the file, from 1
	Path     string // in the mapping of the Place: "containers[0].image"
	Old, New string
}

// NewEditor returns an editor without an edit.
func (d *Document) NewEditor() *Editor {
	return &Editor{doc: d, deviations: tree.Deviations{Inserted: map[string]int{}, Emptied: map[string]bool{}}}
}

// Edit adds the edit of a place, and returns the changes that it makes. A value of another kind than the edit expects is
// an error with its line.
func (e *Editor) Edit(p Place) ([]Change, error) {
	e.style, e.base, e.changes = p.Style, pathOf(p.Path), nil
	e.places = append(e.places, p)
	if err := e.mapping(p.Node, p.Edit, 0, e.base); err != nil {
		return nil, err
	}
	return e.changes, nil
}

// pathOf returns a path as text: ".items[2].spec".
func pathOf(steps []Step) string {
	var b strings.Builder
	for _, s := range steps {
		if s.Key == "" {
			b.WriteString("[" + strconv.Itoa(s.Index) + "]")
			continue
		}
		b.WriteString("." + s.Key)
	}
	return b.String()
}

// Patches returns the patches of all edits, in order. Their offsets are those of the stream that the document is in.
//
// The patched text is parsed again. Its value must be exactly what the edits make of the document's value; where it is
// not, the error has the line and the reason.
func (e *Editor) Patches() ([]Patch, error) {
	if len(e.patches) == 0 {
		return nil, nil
	}
	if err := e.prove(); err != nil {
		return nil, err
	}
	out := inOrder(e.patches)
	for i := range out {
		out[i].Start, out[i].End = out[i].Start+e.doc.Offset, out[i].End+e.doc.Offset
	}
	return out, nil
}

func (e *Editor) patch(start, end int, text string, depth int) {
	e.patches = append(e.patches, Patch{start, end, text, depth})
}

// insertLines adds lines behind the line that ends at an offset.
func (e *Editor) insertLines(at int, lines []string, depth int) {
	eol := e.doc.Break(at)
	e.patch(at, at, eol+strings.Join(lines, eol), depth)
}

// note records a change. The path is that of the document.
func (e *Editor) note(action string, n *yaml.Node, path, old string, now any) {
	short := ""
	if now != nil {
		short = Inline(tree.Result(nil, now))
	}
	path = strings.TrimPrefix(strings.TrimPrefix(path, e.base), ".")
	e.changes = append(e.changes, Change{Action: action, Line: e.doc.Line(n), Path: path, Old: old, New: short})
}
