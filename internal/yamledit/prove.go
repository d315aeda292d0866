package yamledit

import (
	"bytes"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/tree"
)

// prove parses the patched text, and compares its value with the one that the edits make of the document's value.
func (e *Editor) prove() error {
	at := e.places[0].Node
	text, err := Apply(e.doc.Text, e.patches)
	if err != nil {
		return e.doc.Fail(at, "editing: %v", err)
	}
	want, err := e.doc.Value(e.doc.Root)
	if err != nil {
		return err
	}
	for _, p := range e.places {
		want = tree.Apply(want, nest(p.Path, p.Edit), e.deviations)
	}
	after, err := e.doc.Reparse(text)
	if err != nil {
		return e.doc.Fail(at, "this place cannot be edited safely: the result is not YAML (%v)", err)
	}
	if after.Equals(after.Root, want) {
		return nil
	}
	got, err := after.Value(after.Root)
	if err != nil {
		return e.doc.Fail(at, "this place cannot be edited safely: %v", err)
	}
	if tree.Equal(want, got) {
		return nil
	}
	return e.refusal(tree.Difference(want, got))
}

// refusal returns the error for an edit whose result has another value than it should have, with the likely reason.
func (e *Editor) refusal(at string) error {
	if n := anchorAt(e.doc.Root, at); n != nil {
		return e.doc.Fail(n, "anchor &%s is used elsewhere too, and sealing would change what its aliases mean (at %s): write the aliases out, or seal all containers that use it", n.Anchor, at)
	}
	first := e.places[0].Node
	if !bytes.HasSuffix(e.doc.Text, []byte("\n")) {
		lastLine := &yaml.Node{Line: 1 + bytes.Count(e.doc.Text, []byte("\n"))}
		return e.doc.Fail(lastLine, "the last line belongs to %s, and has no line end: end the file with a line end", at)
	}
	return e.doc.Fail(first, "this place cannot be edited safely: %s would not become what was wanted", at)
}

// nest returns the edit of a whole document for the edit of a place in it.
func nest(path []Step, edit tree.Object) any {
	if len(path) == 0 {
		return edit
	}
	inner := nest(path[1:], edit)
	if path[0].Key != "" {
		return tree.Object{{Key: path[0].Key, Value: inner}}
	}
	item, _ := inner.(tree.Object) // a list of lists has no place: ParsePath gives none
	return tree.Items{At: []tree.ItemEdit{{Index: path[0].Index, Edit: item}}}
}
