package yamledit

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/tree"
)

// flowSequence adds items to a sequence in flow style that has some.
func (e *Editor) flowSequence(s site, edit tree.Items) error {
	if len(edit.Prepend) > 0 {
		if err := e.intoFlow(s.value, flowItems(edit.Prepend, s.json), 0, s.depth); err != nil {
			return err
		}
	}
	if len(edit.Append) == 0 {
		return nil
	}
	at, err := e.entrance(s.value)
	if err != nil {
		return err
	}
	e.deviations.Inserted[s.path] = at
	return e.intoFlow(s.value, flowItems(edit.Append, s.json), at, s.depth)
}

// intoFlow adds entries to a flow collection that has some, before the entry of an index, or at the end.
func (e *Editor) intoFlow(n *yaml.Node, entries []string, index, depth int) error {
	width := entryWidth(n)
	if index*width >= len(n.Content) {
		end, err := e.doc.End(n.Content[len(n.Content)-1], 0)
		if err != nil {
			return err
		}
		e.patch(end, end, ", "+strings.Join(entries, ", "), depth)
		return nil
	}
	at, err := e.doc.Position(n.Content[index*width])
	if err != nil {
		return err
	}
	separator := ", "
	if indent, ok := startsLine(e.doc, at); ok {
		separator = "," + e.doc.Break(at) + indent
	}
	e.patch(at, at, strings.Join(entries, separator)+separator, depth)
	return nil
}

// entrance returns the index at which new entries of a flow collection go in: before the first entry that starts a line, so
// that no line changes, else at the end. The index is behind a merge key: the keys that it brings must stand before those that override them.
func (e *Editor) entrance(n *yaml.Node) (int, error) {
	width := entryWidth(n)
	count := len(n.Content) / width
	first := 0
	for i := range count {
		if n.Kind == yaml.MappingNode && n.Content[i*width].Tag == "!!merge" {
			first = i + 1
		}
	}
	for i := first; i < count; i++ {
		at, err := e.doc.Position(n.Content[i*width])
		if err != nil {
			return 0, err
		}
		if _, ok := startsLine(e.doc, at); ok {
			return i, nil
		}
	}
	return count, nil
}

func entryWidth(n *yaml.Node) int {
	if n.Kind == yaml.MappingNode {
		return 2
	}
	return 1
}

// startsLine returns the text before an offset on its line, and reports whether that is only an indent.
func startsLine(d *Document, at int) (indent string, ok bool) {
	before := d.Text[at-d.Column(at) : at]
	return string(before), len(bytes.TrimLeft(before, " \t")) == 0
}
