package yamledit

import (
	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/tree"
)

// remove removes keys of a mapping, and returns those of the missing fields that must still be added. A key that cannot
// be removed alone gets an empty list: the only key of a mapping, one that shares its line, one with an anchor in its
// value, and all but the first in flow style.
func (e *Editor) remove(m block, sites []site, missing tree.Object) (tree.Object, error) {
	left := len(m.node.Content)/2 - len(sites) // own keys that are kept
	for i, s := range sites {
		var ok bool
		var err error
		switch {
		case left+len(missing) == 0 || anchored(s.value):
		case !m.flow:
			ok, err = e.removeLines(m, s)
		case left == 0 && i == 0:
			missing, err = nil, e.exchange(m, s, missing)
			left, ok = 1, true
		case i == 0:
			ok, err = e.removeEntry(m, s)
		}
		if err != nil {
			return nil, err
		}
		if !ok {
			e.deviations.Emptied[s.path] = true
			if err := e.rewrite(s, tree.Replaced(nil)); err != nil {
				return nil, err
			}
		}
	}
	return missing, nil
}

// anchored reports whether a node or one inside it has an anchor.
func anchored(n *yaml.Node) bool {
	if n.Anchor != "" {
		return true
	}
	for _, c := range n.Content {
		if anchored(c) {
			return true
		}
	}
	return false
}

// span returns where a key starts and its value ends.
func span(d *Document, m block, s site) (start, end int, err error) {
	if start, err = d.Position(s.key); err != nil {
		return 0, 0, err
	}
	end, err = d.End(s.value, m.column)
	return start, end, err
}

// removeLines removes a key of a block mapping with the lines of its value. It returns false where the key shares its
// line with what is before it, or is on the first line.
func (e *Editor) removeLines(m block, s site) (bool, error) {
	start, end, err := span(e.doc, m, s)
	if err != nil {
		return false, err
	}
	indent, alone := startsLine(e.doc, start)
	if !alone || start == len(indent) {
		return false, nil
	}
	e.note("removed", s.key, s.path, string(e.doc.Text[start:end]), nil)
	e.patch(lineBefore(e.doc, start), e.doc.LineEnd(end), "", s.depth)
	return true, nil
}

// removeEntry removes a key of a flow mapping that has others, with one comma.
func (e *Editor) removeEntry(m block, s site) (bool, error) {
	start, end, err := span(e.doc, m, s)
	if err != nil {
		return false, err
	}
	e.note("removed", s.key, s.path, string(e.doc.Text[start:end]), nil)
	for i := 0; i < len(m.node.Content); i += 2 {
		if m.node.Content[i] != s.key {
			continue
		}
		if i+2 < len(m.node.Content) {
			end, err = e.doc.Position(m.node.Content[i+2])
		} else {
			start, err = e.doc.End(m.node.Content[i-1], 0)
		}
	}
	e.patch(start, end, "", s.depth)
	return true, err
}

// exchange puts new fields in the place of the only key of a flow mapping.
func (e *Editor) exchange(m block, s site, fields tree.Object) error {
	start, end, err := span(e.doc, m, s)
	if err != nil {
		return err
	}
	e.note("removed", s.key, s.path, string(e.doc.Text[start:end]), nil)
	text := ""
	for i, f := range flowFields(fields, m.json) {
		if i > 0 {
			text += ", "
		}
		text += f
	}
	e.patch(start, end, text, s.depth)
	return nil
}
