package emit

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/yamledit"
)

// brought is a field that a mapping has not itself. What a merge key brings for it is written out, with the edit.
func (p *patcher) brought(n *yaml.Node, f field) (field, error) {
	if !yamledit.Merges(n) {
		return field{f.key, rendered(nil, f.val)}, nil
	}
	v, err := p.doc.Value(n)
	if err != nil {
		return f, err
	}
	m, _ := v.(map[string]any)
	return field{f.key, rendered(m[f.key], f.val)}, nil
}

// rendered is what an edit makes of a value, ready to be written. A new value keeps the order of its keys.
func rendered(value, edit any) any {
	if isNothing(value) {
		switch e := edit.(type) {
		case items:
			return slices.Concat(e.prepend, e.append)
		case replaced:
			return []any(e)
		case object:
			out := make(object, len(e))
			for i, f := range e {
				out[i] = field{f.key, rendered(nil, f.val)}
			}
			return out
		}
		return edit
	}
	return asTree(overlay(value, edit, nil, nil))
}

// isNothing tells whether a value has no content that must be kept.
func isNothing(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

// rewrite puts a new value in the place of a scalar, an alias, an empty collection, or of a whole sequence. In block
// style a new collection takes lines of its own, unless the value that stood there did not stand on the key's line.
func (p *patcher) rewrite(s site, edit any) error {
	start, err := p.doc.Start(s.value)
	if err != nil {
		return err
	}
	end, err := p.doc.End(s.value, s.column)
	if err != nil {
		return err
	}
	old, err := p.doc.Value(s.value)
	if err != nil {
		return err
	}
	now := rendered(old, edit)
	if start < end {
		p.note("replaced", s.value, s.path, string(p.doc.Text[start:end]), now)
	} else {
		p.note("added", s.value, s.path, "", now)
	}
	_, toSequence := edit.(replaced)
	if block := p.blockLines(s, now); block != nil && !toSequence && s.key != nil && s.value.Line == s.key.Line {
		for start > 0 && (p.doc.Text[start-1] == ' ' || p.doc.Text[start-1] == '\t') {
			start--
		}
		if start < end {
			p.add(start, end, "", s.depth)
		}
		p.insertLines(p.doc.LineEnd(end), block, s.depth)
		return nil
	}
	if toSequence && s.value.Style&yaml.FlowStyle == 0 && s.value.Kind == yaml.SequenceNode {
		p.add(start, end, p.itemsInPlace(s, now), s.depth)
		return nil
	}
	text := flow(now, s.json)
	if str, ok := now.(string); ok && s.value.Style&yaml.DoubleQuotedStyle != 0 {
		text = doubleQuoted(str)
	}
	if start > 0 && !strings.ContainsRune(" \t\r\n[{,", rune(p.doc.Text[start-1])) {
		text = " " + text
	}
	p.add(start, end, text, s.depth)
	return nil
}

// blockLines renders a collection as lines below its key; nil for what stays on the key's line.
func (p *patcher) blockLines(s site, v any) []string {
	if s.flow {
		return nil
	}
	switch v := v.(type) {
	case object:
		if len(v) > 0 {
			return p.style.blockFields(v, s.column+p.style.step)
		}
	case []any:
		if len(v) > 0 {
			return p.style.blockItems(v, s.column+p.style.dash)
		}
	}
	return nil
}

// itemsInPlace is the text from the first dash of a block sequence that gets other items.
func (p *patcher) itemsInPlace(s site, now any) string {
	list, _ := now.([]any)
	start, err := p.doc.Start(s.value)
	if err != nil || len(list) == 0 {
		return strings.Repeat(" ", p.style.step) + "[]" // indented deeper than the key, whatever the dashes were
	}
	column := p.doc.Column(start)
	return strings.Join(p.style.blockItems(list, column), p.doc.Break(start))[column:]
}
