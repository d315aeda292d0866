package emit

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/yamledit"
)

// patch replaces the bytes from start to end of a document's text.
type patch struct {
	start, end int
	text       string
	depth      int // of the collection: at one offset, what belongs to the deeper collection comes first
}

// patcher turns an edit tree into patches of one document's text, and notes what it changes.
type patcher struct {
	doc     *yamledit.Document
	style   style
	patches []patch
	changes []Change

	// entrances are the places at which new items of flow sequences went in, where that is not the end.
	entrances map[*yaml.Node]int
}

// site is a value in the text, with what a patch must know of its surroundings.
type site struct {
	key    *yaml.Node // nil for an item
	value  *yaml.Node
	column int    // of the key or dash, 0 where the surroundings are in flow style
	flow   bool   // the surroundings are in flow style
	json   bool   // the surrounding keys are in double quotes
	depth  int    // of the value
	path   string // for the report
}

func (p *patcher) add(start, end int, text string, depth int) {
	p.patches = append(p.patches, patch{start, end, text, depth})
}

// insertLines adds lines after the line that ends at an offset.
func (p *patcher) insertLines(at int, lines []string, depth int) {
	eol := p.doc.Break(at)
	p.add(at, at, eol+strings.Join(lines, eol), depth)
}

func (p *patcher) note(action string, n *yaml.Node, path, old string, now any) {
	p.changes = append(p.changes, Change{Action: action, Line: p.doc.Line(n), Field: strings.TrimPrefix(path, "."), Old: old, New: short(now)})
}

// short is a value as the report shows it.
func short(v any) string {
	if v == nil {
		return ""
	}
	switch v.(type) {
	case object, items, replaced:
		v = rendered(nil, v)
	}
	return flow(v, false)
}

// mapping edits the keys of a mapping.
func (p *patcher) mapping(n *yaml.Node, o object, depth int, path string) error {
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		return p.doc.Fail(n, "%s is not a mapping", path)
	}
	start, err := p.doc.Start(n)
	if err != nil {
		return err
	}
	inFlow := n.Style&yaml.FlowStyle != 0
	json := n.Content[0].Style&yaml.DoubleQuotedStyle != 0
	var missing object
	for _, f := range o {
		k, v, ok := yamledit.Lookup(n, f.key)
		if !ok {
			full, err := p.brought(n, f)
			if err != nil {
				return err
			}
			missing = append(missing, full)
			p.note("added", n, path+"."+f.key, "", f.val)
			continue
		}
		s := site{key: k, value: v, flow: inFlow, json: json, depth: depth + 1, path: path + "." + f.key}
		if !inFlow {
			s.column = p.doc.Column(start)
		}
		if err := p.value(s, f.val); err != nil {
			return err
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if inFlow {
		at, err := p.entrance(n)
		if err != nil {
			return err
		}
		return p.intoFlow(n, flowFields(missing, json), at, depth)
	}
	at, err := p.afterBlock(n, p.doc.Column(start))
	if err != nil {
		return err
	}
	p.insertLines(at, p.style.blockFields(missing, p.doc.Column(start)), depth)
	return nil
}

// afterBlock is the end of the line after which a block collection goes on.
func (p *patcher) afterBlock(n *yaml.Node, column int) (int, error) {
	end, err := p.doc.End(n, column)
	if err != nil {
		return 0, err
	}
	return p.doc.LineAfter(end, column)
}

// value edits the value of a key, or an item.
func (p *patcher) value(s site, edit any) error {
	v := s.value
	isNull := v.Kind == yaml.ScalarNode && v.Tag == "!!null"
	switch e := edit.(type) {
	case object:
		switch {
		case v.Kind == yaml.MappingNode && len(v.Content) > 0:
			return p.mapping(v, e, s.depth, s.path)
		case v.Kind == yaml.MappingNode || v.Kind == yaml.AliasNode || isNull:
			return p.rewrite(s, edit)
		}
		return p.doc.Fail(v, "%s is not a mapping", s.path)
	case items:
		switch {
		case v.Kind == yaml.SequenceNode && len(v.Content) > 0:
			return p.sequence(s, e)
		case v.Kind == yaml.SequenceNode || v.Kind == yaml.AliasNode || isNull:
			return p.rewrite(s, edit)
		}
		return p.doc.Fail(v, "%s is not a sequence", s.path)
	case replaced:
		return p.rewrite(s, edit)
	default:
		if v.Kind != yaml.ScalarNode && v.Kind != yaml.AliasNode {
			return p.doc.Fail(v, "%s is not a single value", s.path)
		}
		return p.rewrite(s, edit)
	}
}

// sequence edits single items, then adds the new ones.
func (p *patcher) sequence(s site, e items) error {
	n := s.value
	start, err := p.doc.Start(n)
	if err != nil {
		return err
	}
	inFlow := n.Style&yaml.FlowStyle != 0
	column := p.doc.Column(start)
	for _, at := range e.at {
		child := site{value: n.Content[at.index], column: column, flow: inFlow, json: s.json, depth: s.depth + 1, path: fmt.Sprintf("%s[%d]", s.path, at.index)}
		if err := p.value(child, at.edit); err != nil {
			return err
		}
	}
	for _, item := range slices.Concat(e.prepend, e.append) {
		p.note("added", n, s.path, "", item)
	}
	if inFlow {
		return p.flowSequence(s, e)
	}
	if len(e.prepend) > 0 {
		keyLine, err := p.doc.Position(s.key)
		if err != nil {
			return err
		}
		p.insertLines(p.doc.LineEnd(keyLine), p.style.blockItems(e.prepend, column), s.depth)
	}
	if len(e.append) > 0 {
		at, err := p.afterBlock(n, column)
		if err != nil {
			return err
		}
		p.insertLines(at, p.style.blockItems(e.append, column), s.depth)
	}
	return nil
}
