package yamledit

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/tree"
)

// rewrite puts a new value in the place of a scalar, an alias, an empty collection, or of a whole sequence. In block
// style a new collection takes separate lines, unless the value that stood there did not stand on the key's line.
func (e *Editor) rewrite(s site, edit any) error {
	start, err := e.doc.Start(s.value)
	if err != nil {
		return err
	}
	end, err := e.doc.End(s.value, s.column)
	if err != nil {
		return err
	}
	old, err := e.doc.Value(s.value)
	if err != nil {
		return err
	}
	now := tree.Result(old, edit)
	if start < end {
		e.note("replaced", s.value, s.path, string(e.doc.Text[start:end]), now)
	} else {
		e.note("added", s.value, s.path, "", now)
	}
	_, toSequence := edit.(tree.Replaced)
	if block := e.blockLines(s, now); block != nil && !toSequence && s.key != nil && s.value.Line == s.key.Line {
		e.patch(len(bytes.TrimRight(e.doc.Text[:start], " \t")), end, "", s.depth)
		e.insertLines(e.doc.LineEnd(end), block, s.depth)
		return nil
	}
	if toSequence && s.value.Style&yaml.FlowStyle == 0 && s.value.Kind == yaml.SequenceNode {
		e.exchangeItems(s, now, start, end)
		return nil
	}
	text := flow(now, s.json)
	if str, ok := now.(string); ok && s.value.Style&yaml.DoubleQuotedStyle != 0 {
		text = doubleQuoted(str)
	}
	if !strings.ContainsRune(" \t\r\n[{,", rune(e.doc.Text[start-1])) {
		text = " " + text
	}
	e.patch(start, end, text, s.depth)
	return nil
}

// blockLines renders a collection as lines below its key. It returns nil for a value on the key's line: an empty collection, or
// no collection.
func (e *Editor) blockLines(s site, v any) []string {
	if s.flow {
		return nil
	}
	switch v := v.(type) {
	case tree.Object:
		return e.style.blockFields(v, s.column+e.style.step)
	case []any:
		return e.style.blockItems(v, s.column+e.style.dash)
	}
	return nil
}

// exchangeItems puts other items in the place of those of a block sequence, from start to last. No item is written as []
// behind the key, or where an anchor stands between, on its own line.
func (e *Editor) exchangeItems(s site, now any, start, last int) {
	list, _ := now.([]any)
	if len(list) > 0 {
		column := e.doc.Column(start)
		e.patch(start, last, strings.Join(e.style.blockItems(list, column), e.doc.Break(start))[column:], s.depth)
		return
	}
	if s.value.Anchor == "" && s.value.Style&yaml.TaggedStyle == 0 {
		if end, err := e.doc.End(s.key, s.column); err == nil && e.doc.Text[end] == ':' {
			e.patch(end+1, end+1, " []", s.depth)
			e.patch(lineBefore(e.doc, start), last, "", s.depth)
			return
		}
	}
	e.patch(start, last, strings.Repeat(" ", e.style.step)+"[]", s.depth) // deeper than the key, whatever the dashes were
}
