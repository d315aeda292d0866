// Package strictyaml decodes YAML documents into Go values: each key must be known and unique, each value of the type of its
// key. It collects all faults, with their lines and columns, and keeps the place of each value for later checks.
package strictyaml

import (
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/yamledit"
)

// maxExpanded bounds the values that the aliases of a document expand to, and maxMerging how deep its merge keys are nested. The
// types that are decoded into bound how deep values are nested.
const maxExpanded, maxMerging = 100_000, 20

// Unmarshaler is a value that decodes its node itself. The node is no alias.
type Unmarshaler interface {
	UnmarshalNode(d *Decoder, path string, n *yaml.Node)
}

// Decode decodes a document, which is not empty, into the value that v points to. The keys of structs are in their json tags. The
// error is a Problems.
func Decode(doc *yamledit.Document, v any) (Places, error) {
	d := Decoder{doc: doc, places: Places{}, budget: len(doc.Text) + maxExpanded, fields: map[reflect.Type]map[string][]int{}}
	d.Decode("", doc.Root, v)
	return d.places, d.problems.Err()
}

// Decoder decodes the nodes of one document. It collects the problems, and the place of each value by its path.
type Decoder struct {
	doc      *yamledit.Document
	places   Places
	problems Problems
	fields   map[reflect.Type]map[string][]int // the index of each field of a struct, by its key
	budget   int                               // of values: a value that no alias brings takes a byte of the source at least
	merging  int                               // how deep the merge keys are nested
}

// Fail records a problem of a node.
func (d *Decoder) Fail(n *yaml.Node, format string, args ...any) {
	at := Place{d.doc.Line(n), n.Column}
	d.problems = append(d.problems, NewProblem(d.doc.File, at, format, args...))
}

// spend counts a value; it reports whether the document may have one more.
func (d *Decoder) spend(n *yaml.Node) bool {
	if d.budget--; d.budget == 0 {
		d.Fail(n, "the aliases of the file expand to more than %d values", maxExpanded)
	}
	return d.budget > 0
}

// Decode decodes a node into the value that v points to.
func (d *Decoder) Decode(path string, n *yaml.Node, v any) {
	if !d.spend(n) {
		return
	}
	d.places[path] = Place{d.doc.Line(n), n.Column}
	n = yamledit.Target(n)
	if own, ok := v.(Unmarshaler); ok {
		own.UnmarshalNode(d, path, n)
		return
	}
	d.value(path, n, reflect.ValueOf(v).Elem())
}

func (d *Decoder) value(path string, n *yaml.Node, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(path, n, v.Elem())
	case reflect.Struct:
		d.object(path, n, v)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		d.Mapping(path, n, func(path, name string, _, value *yaml.Node) {
			item := reflect.New(v.Type().Elem())
			d.Decode(path, value, item.Interface())
			v.SetMapIndex(reflect.ValueOf(name), item.Elem())
		})
	case reflect.Slice:
		d.list(path, n, v)
	case reflect.String:
		if s, ok := d.Scalar(path, n, "text"); ok {
			v.SetString(s)
		}
	default:
		d.scalar(path, n, v)
	}
}

// object decodes a mapping into a struct. Keys that the struct does not have are problems.
func (d *Decoder) object(path string, n *yaml.Node, v reflect.Value) {
	known := d.fieldsOf(v.Type())
	d.Mapping(path, n, func(at, name string, key, value *yaml.Node) {
		index, ok := known[name]
		if !ok {
			d.Fail(key, "unknown key %q%s", name, Suggestion(name, known))
			return
		}
		d.Decode(at, value, v.FieldByIndex(index).Addr().Interface())
	})
}

// fieldsOf returns the index of each field of a struct by its key, those of embedded structs included.
func (d *Decoder) fieldsOf(t reflect.Type) map[string][]int {
	if known, ok := d.fields[t]; ok {
		return known
	}
	known := map[string][]int{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && !f.Anonymous && name != "" && name != "-" {
			known[name] = f.Index
		}
	}
	d.fields[t] = known
	return known
}

func (d *Decoder) list(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.wrongType(path, n, "a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.Decode(path+"["+strconv.Itoa(i)+"]", item, v.Index(i).Addr().Interface())
	}
}
