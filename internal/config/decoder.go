package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/yamledit"
)

// maxValues bounds the values of a file with its aliases expanded, and maxMerging how deep its merge keys are nested.
const maxValues, maxMerging = 100_000, 20

// parseYAML returns the top value of a source; nil for an empty one.
func parseYAML(name string, source []byte) (*yaml.Node, error) {
	if err := yamledit.CheckEncoding(name, source); err != nil {
		return nil, err
	}
	var root *yaml.Node
	for i, chunk := range yamledit.Split(source) {
		doc, err := yamledit.Parse(name, i, chunk)
		if err != nil {
			return nil, err
		}
		if doc.Root == nil {
			continue
		}
		if root != nil {
			return nil, Problems{{name, chunk.Line + 1, 1, "the file has a second document: put all targets into the first"}}
		}
		root = doc.Root
		moveLines(root, chunk.Line)
	}
	return root, nil
}

// moveLines counts the lines of a node from the start of the file instead of its document.
func moveLines(n *yaml.Node, by int) {
	if by == 0 {
		return
	}
	n.Line += by
	for _, child := range n.Content {
		moveLines(child, by)
	}
}

// decoder reads nodes into values. It collects the problems, and the place of each value by its path.
type decoder struct {
	file     *File
	problems Problems
	budget   int // of values
	merging  int // how deep the merge keys are nested
}

func (d *decoder) fail(n *yaml.Node, format string, args ...any) {
	d.problems = append(d.problems, Problem{d.file.name, n.Line, n.Column, fmt.Sprintf(format, args...)})
}

// spend counts a value; it reports whether the file may have one more.
func (d *decoder) spend(n *yaml.Node) bool {
	if d.budget--; d.budget == 0 {
		d.fail(n, "the file has more than %d values: its aliases expand to too many", maxValues)
	}
	return d.budget > 0
}

// decode reads a node into the value that v points to.
func (d *decoder) decode(path string, n *yaml.Node, v any) {
	if !d.spend(n) {
		return
	}
	d.file.places[path] = Place{n.Line, n.Column}
	n = yamledit.Target(n)
	if own, ok := v.(reader); ok {
		own.read(d, path, n)
		return
	}
	switch at := reflect.ValueOf(v).Elem(); at.Kind() {
	case reflect.Struct:
		d.object(path, n, at)
	case reflect.Map:
		at.Set(reflect.MakeMap(at.Type()))
		d.mapping(path, n, func(path, name string, _, value *yaml.Node) {
			item := reflect.New(at.Type().Elem())
			d.decode(path, value, item.Interface())
			at.SetMapIndex(reflect.ValueOf(name), item.Elem())
		})
	case reflect.Slice:
		d.list(path, n, at)
	case reflect.Bool:
		d.boolean(path, n, at)
	case reflect.Int:
		d.integer(path, n, at)
	default:
		if s, ok := d.scalar(path, n, "text"); ok {
			at.SetString(s)
		}
	}
}

// object reads a mapping into a struct. Keys that the struct does not have are problems.
func (d *decoder) object(path string, n *yaml.Node, v reflect.Value) {
	known := map[string]reflect.Value{}
	collectFields(v, known)
	d.mapping(path, n, func(at, name string, key, value *yaml.Node) {
		field, ok := known[name]
		if !ok {
			if path != "" || !strings.HasPrefix(name, "x-") { // x- keys hold anchors, as in Compose files
				d.fail(key, "unknown key %q%s", name, suggestion(name, known))
			}
			return
		}
		d.decode(at, value, field.Addr().Interface())
	})
}

// collectFields adds the fields of a struct by their keys, those of embedded structs included.
func collectFields(v reflect.Value, to map[string]reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			collectFields(v.Field(i), to)
		case f.IsExported() && name != "-":
			to[name] = v.Field(i)
		}
	}
}

// mapping calls each with every key of a mapping. Merge keys (<<) are expanded; the mapping's own keys win.
func (d *decoder) mapping(path string, n *yaml.Node, each func(path, name string, key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.wrongType(path, n, "mapping")
		return
	}
	lines := map[string]int{}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if !d.spend(key) {
			return
		}
		switch {
		case key.ShortTag() == "!!merge":
			merged = append(merged, value)
			continue
		case key.Kind != yaml.ScalarNode:
			d.fail(key, "a key must be a text")
			continue
		case lines[key.Value] > 0:
			d.fail(key, "duplicate key %q: the first is in line %d", key.Value, lines[key.Value])
			continue
		}
		lines[key.Value] = key.Line
		each(childPath(path, key.Value), key.Value, key, value)
	}
	for _, source := range merged {
		d.merge(path, source, lines, each)
	}
}

// merge calls each with the keys of a merged mapping, or of a list of them, that lines does not have.
func (d *decoder) merge(path string, source *yaml.Node, lines map[string]int, each func(path, name string, key, value *yaml.Node)) {
	source = yamledit.Target(source)
	sources := []*yaml.Node{source}
	if source.Kind == yaml.SequenceNode {
		sources = source.Content
	}
	if d.merging++; d.merging > maxMerging {
		d.fail(source, "merge keys are nested more than %d deep", maxMerging)
		sources = nil
	}
	defer func() { d.merging-- }()
	for _, from := range sources {
		if !d.spend(from) {
			return
		}
		d.mapping(path, yamledit.Target(from), func(path, name string, key, value *yaml.Node) {
			if lines[name] == 0 {
				lines[name] = key.Line
				each(path, name, key, value)
			}
		})
	}
}

func (d *decoder) list(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.wrongType(path, n, "list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.decode(path+"["+strconv.Itoa(i)+"]", item, v.Index(i).Addr().Interface())
	}
}

// oneOrMore reads a text or a list of texts.
func (d *decoder) oneOrMore(path string, n *yaml.Node) []string {
	var all []string
	if n.Kind == yaml.SequenceNode {
		d.decode(path, n, &all)
	} else if s, ok := d.scalar(path, n, "text or a list of texts"); ok {
		all = []string{s}
	}
	return all
}

// scalar returns the text of a scalar as it is written; ok is false, with a problem, for anything else.
func (d *decoder) scalar(path string, n *yaml.Node, want string) (text string, ok bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		d.wrongType(path, n, want)
		return "", false
	}
	return n.Value, true
}

func (d *decoder) boolean(path string, n *yaml.Node, v reflect.Value) {
	var b bool
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Decode(&b) != nil {
		d.wrongType(path, n, "true or false")
		return
	}
	v.SetBool(b)
}

func (d *decoder) integer(path string, n *yaml.Node, v reflect.Value) {
	var i int
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || n.Decode(&i) != nil {
		d.wrongType(path, n, "whole number")
		return
	}
	v.SetInt(int64(i))
}

// wrongType records that a value has another type than its key takes.
func (d *decoder) wrongType(path string, n *yaml.Node, want string) {
	if want != "true or false" {
		want = "a " + want
	}
	name := lastStep(path)
	if name == "" {
		name = "the file"
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		d.fail(n, "%s is empty, but must be %s", name, want)
		return
	}
	d.fail(n, "%s is %s, but must be %s", name, describe(n), want)
}

// describe names the type of a node.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!bool":
		return n.Value
	case "!!int", "!!float":
		return "the number " + n.Value
	}
	return strconv.Quote(n.Value)
}
