package yamledit

import (
	"bytes"
	"errors"

	"go.yaml.in/yaml/v3"
)

// Style is how a document indents its YAML. New lines follow it.
type Style struct {
	step int // columns between a key and the keys of its mapping
	dash int // columns between a key and the dashes of its sequence: 0, or step
	gap  int // columns between a dash and the text behind it
}

// maxGap bounds the columns that new items have between a dash and their text.
const maxGap = 8

// DefaultStyle returns the style of kubectl: two columns a level, dashes below their key.
func DefaultStyle() Style { return Style{step: 2, dash: 0, gap: 2} }

// StyleOf returns the style of a mapping. The columns of dashes are those of the sequence below a key of the mapping; the
// columns of mappings are those of the first block mapping inside it, else inside the document.
func (d *Document) StyleOf(mapping *yaml.Node, sequence string) Style {
	s := DefaultStyle()
	if step := findStep(mapping); step > 0 {
		s.step = step
	} else if step := findStep(d.Root); step > 0 {
		s.step = step
	}
	key, value, ok := Lookup(mapping, sequence)
	if !ok || value.Kind != yaml.SequenceNode || value.Style&yaml.FlowStyle != 0 {
		return s
	}
	k, err1 := d.Position(key)
	dash, err2 := d.Start(value)
	first, err3 := d.Position(value.Content[0])
	if errors.Join(err1, err2, err3) != nil {
		return s
	}
	s.dash = max(0, d.Column(dash)-d.Column(k))
	if gap := first - dash; gap <= maxGap && !bytes.ContainsAny(d.Text[dash:first], "\r\n") {
		s.gap = max(s.gap, gap)
	}
	return s
}

// findStep returns the indent of the first block mapping in a block mapping.
func findStep(n *yaml.Node) int {
	if n.Style&yaml.FlowStyle != 0 {
		return 0
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && c.Kind == yaml.MappingNode && c.Style&yaml.FlowStyle == 0 {
			if step := c.Content[0].Column - n.Content[i-1].Column; step > 0 {
				return step
			}
		}
		if step := findStep(c); step > 0 {
			return step
		}
	}
	return 0
}
