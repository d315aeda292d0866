package emit

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// flowSequence adds items to a sequence in flow style that has some.
func (p *patcher) flowSequence(s site, e items) error {
	if len(e.prepend) > 0 {
		if err := p.intoFlow(s.value, flowItems(e.prepend, s.json), 0, s.depth); err != nil {
			return err
		}
	}
	if len(e.append) == 0 {
		return nil
	}
	at, err := p.entrance(s.value)
	if err != nil {
		return err
	}
	p.entrances[s.value] = at
	return p.intoFlow(s.value, flowItems(e.append, s.json), at, s.depth)
}

// intoFlow adds entries to a flow collection that has some, before the entry of an index, or at the end.
func (p *patcher) intoFlow(n *yaml.Node, entries []string, index, depth int) error {
	width := entryWidth(n)
	if index*width >= len(n.Content) {
		end, err := p.doc.End(n.Content[len(n.Content)-1], 0)
		if err != nil {
			return err
		}
		p.add(end, end, ", "+strings.Join(entries, ", "), depth)
		return nil
	}
	at, err := p.doc.Position(n.Content[index*width])
	if err != nil {
		return err
	}
	separator := ", "
	if indent, ok := p.startsLine(at); ok {
		separator = "," + p.doc.Break(at) + indent
	}
	p.add(at, at, strings.Join(entries, separator)+separator, depth)
	return nil
}

// entrance is the index at which new entries of a flow collection go in: before the first entry that starts a line, so
// that no line changes, else at the end. What a merge key brings must stand before what overrides it.
func (p *patcher) entrance(n *yaml.Node) (int, error) {
	width := entryWidth(n)
	count := len(n.Content) / width
	first := 0
	for i := range count {
		if n.Kind == yaml.MappingNode && n.Content[i*width].Tag == "!!merge" {
			first = i + 1
		}
	}
	for i := first; i < count; i++ {
		at, err := p.doc.Position(n.Content[i*width])
		if err != nil {
			return 0, err
		}
		if _, ok := p.startsLine(at); ok {
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

// startsLine tells whether only an indent stands before an offset on its line.
func (p *patcher) startsLine(at int) (indent string, ok bool) {
	before := p.doc.Text[at-p.doc.Column(at) : at]
	return string(before), len(bytes.TrimLeft(before, " \t")) == 0
}
