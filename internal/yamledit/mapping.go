package yamledit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/tree"
)

// site is a value in the text with its surroundings.
type site struct {
	key    *yaml.Node // nil for an item
	value  *yaml.Node
	column int    // of the key or dash, 0 where the surroundings are in flow style
	flow   bool   // the surroundings are in flow style
	json   bool   // the surrounding keys are in double quotes
	depth  int    // of the value
	path   string // in the document
}

// mapping edits the keys of a mapping that has some.
func (e *Editor) mapping(n *yaml.Node, o tree.Object, depth int, path string) error {
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		return e.doc.Fail(n, "%s is not a mapping", cmp.Or(strings.TrimPrefix(path, "."), "the document"))
	}
	start, err := e.doc.Start(n)
	if err != nil {
		return err
	}
	m := block{node: n, column: e.doc.Column(start), flow: n.Style&yaml.FlowStyle != 0, json: n.Content[0].Style&yaml.DoubleQuotedStyle != 0, depth: depth, path: path}
	var missing tree.Object
	var remove []site
	for _, f := range o {
		k, v, ok := Lookup(n, f.Key)
		if !ok {
			added, err := e.inherited(m, f)
			if err != nil {
				return err
			}
			missing = append(missing, added...)
			continue
		}
		s := m.site(k, v, f.Key)
		if _, ok := f.Value.(tree.Removed); ok {
			remove = append(remove, s)
			continue
		}
		if err := e.value(s, f.Value); err != nil {
			return err
		}
	}
	if missing, err = e.remove(m, remove, missing); err != nil {
		return err
	}
	return e.addKeys(m, missing)
}

// block is a mapping with its surroundings.
type block struct {
	node       *yaml.Node
	column     int // of the keys
	flow, json bool
	depth      int
	path       string
}

// site returns the site of a key's value.
func (m block) site(k, v *yaml.Node, key string) site {
	s := site{key: k, value: v, flow: m.flow, json: m.json, depth: m.depth + 1, path: m.path + "." + key}
	if !m.flow {
		s.column = m.column
	}
	return s
}

// inherited returns the new field for one that a mapping has no key of, if it needs one. The value that a merge key brings
// is included: it is written out with the edit.
func (e *Editor) inherited(m block, f tree.Field) (tree.Object, error) {
	var value any
	if Merges(m.node) {
		v, err := e.doc.Value(m.node)
		if err != nil {
			return nil, err
		}
		fields, _ := v.(map[string]any)
		value = fields[f.Key]
	}
	if _, remove := f.Value.(tree.Removed); remove {
		if value == nil {
			return nil, nil
		}
		e.deviations.Emptied[m.path+"."+f.Key] = true
	}
	e.note("added", m.node, m.path+"."+f.Key, "", f.Value)
	return tree.Object{{Key: f.Key, Value: tree.Result(value, f.Value)}}, nil
}

// addKeys adds fields at the end of a mapping.
func (e *Editor) addKeys(m block, fields tree.Object) error {
	if len(fields) == 0 {
		return nil
	}
	if m.flow {
		at, err := e.entrance(m.node)
		if err != nil {
			return err
		}
		return e.intoFlow(m.node, flowFields(fields, m.json), at, m.depth)
	}
	at, err := e.afterBlock(m.node, m.column)
	if err != nil {
		return err
	}
	e.insertLines(at, e.style.blockFields(fields, m.column), m.depth)
	return nil
}

// afterBlock returns the end of the line behind which a block collection continues.
func (e *Editor) afterBlock(n *yaml.Node, column int) (int, error) {
	end, err := e.doc.End(n, column)
	if err != nil {
		return 0, err
	}
	return e.doc.LineAfter(end, column)
}

// value edits the value of a key, or an item.
func (e *Editor) value(s site, edit any) error {
	v := s.value
	isNull := v.Kind == yaml.ScalarNode && v.Tag == "!!null"
	switch edit := edit.(type) {
	case tree.Object:
		switch {
		case v.Kind == yaml.MappingNode && len(v.Content) > 0:
			return e.mapping(v, edit, s.depth, s.path)
		case v.Kind == yaml.MappingNode || v.Kind == yaml.AliasNode || isNull:
			return e.rewrite(s, edit)
		}
		return e.doc.Fail(v, "%s is not a mapping", e.relative(s))
	case tree.Items:
		switch {
		case v.Kind == yaml.SequenceNode && len(v.Content) > 0:
			return e.sequence(s, edit)
		case v.Kind == yaml.SequenceNode || v.Kind == yaml.AliasNode || isNull:
			return e.rewrite(s, edit)
		}
		return e.doc.Fail(v, "%s is not a sequence", e.relative(s))
	case tree.Replaced:
		return e.rewrite(s, edit)
	default:
		if v.Kind != yaml.ScalarNode && v.Kind != yaml.AliasNode {
			return e.doc.Fail(v, "%s is not a single value", e.relative(s))
		}
		return e.rewrite(s, edit)
	}
}

// relative returns the path of a site in the mapping that is being edited, for messages.
func (e *Editor) relative(s site) string { return s.path[len(e.base):] }

// sequence edits single items, then adds the new ones.
func (e *Editor) sequence(s site, edit tree.Items) error {
	n := s.value
	start, err := e.doc.Start(n)
	if err != nil {
		return err
	}
	inFlow := n.Style&yaml.FlowStyle != 0
	column := e.doc.Column(start)
	for _, at := range edit.At {
		if at.Index >= len(n.Content) {
			return e.doc.Fail(n, "%s has no item %d", e.relative(s), at.Index)
		}
		child := site{value: n.Content[at.Index], column: column, flow: inFlow, json: s.json, depth: s.depth + 1, path: fmt.Sprintf("%s[%d]", s.path, at.Index)}
		if err := e.value(child, at.Edit); err != nil {
			return err
		}
	}
	for _, item := range slices.Concat(edit.Prepend, edit.Append) {
		e.note("added", n, s.path, "", item)
	}
	if inFlow {
		return e.flowSequence(s, edit)
	}
	return e.blockSequence(s, edit, column)
}

// blockSequence adds items to a sequence in block style.
func (e *Editor) blockSequence(s site, edit tree.Items, column int) error {
	if len(edit.Prepend) > 0 {
		keyLine, err := e.doc.Position(s.key)
		if err != nil {
			return err
		}
		e.insertLines(e.doc.LineEnd(keyLine), e.style.blockItems(edit.Prepend, column), s.depth)
	}
	if len(edit.Append) > 0 {
		at, err := e.afterBlock(s.value, column)
		if err != nil {
			return err
		}
		e.insertLines(at, e.style.blockItems(edit.Append, column), s.depth)
	}
	return nil
}
