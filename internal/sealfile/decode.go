package sealfile

import (
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/spelling"
	"github.com/podseal/podseal/internal/yamledit"
)

// decoder reads nodes into values strictly: every key must be known and unique, and nothing is converted.
type decoder struct{ doc *yamledit.Document }

// decode reads a node. The name is that of its key, for messages.
func (d decoder) decode(n *yaml.Node, into reflect.Value, name string) error {
	if n.Kind == yaml.AliasNode {
		return d.doc.Fail(n, "%s is an alias: write it out", name)
	}
	switch into.Kind() {
	case reflect.Pointer:
		v := reflect.New(into.Type().Elem())
		into.Set(v)
		return d.decode(n, v.Elem(), name)
	case reflect.Struct:
		return d.mapping(n, name, func(key string, k, v *yaml.Node) error {
			fields := fieldsOf(into.Type())
			at, known := fields[key]
			if !known {
				return d.doc.Fail(k, "%s has no key %q%s", name, key, suggestion(key, fields))
			}
			return d.decode(v, into.Field(at), key)
		})
	case reflect.Map:
		into.Set(reflect.MakeMap(into.Type()))
		return d.mapping(n, name, func(key string, _, v *yaml.Node) error {
			item := reflect.New(into.Type().Elem()).Elem()
			if err := d.decode(v, item, key); err != nil {
				return err
			}
			into.SetMapIndex(reflect.ValueOf(key), item)
			return nil
		})
	case reflect.Slice:
		return d.list(n, into, name)
	}
	return d.scalar(n, into, name)
}

// mapping calls read for each key and its value.
func (d decoder) mapping(n *yaml.Node, name string, read func(key string, k, v *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return d.doc.Fail(n, "%s is %s, where a mapping belongs", name, describe(n))
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode || k.ShortTag() != "!!str" {
			return d.doc.Fail(k, "a key of %s is %s, where a string belongs", name, describe(k))
		}
		for j := 0; j < i; j += 2 {
			if n.Content[j].Value == k.Value {
				return d.doc.Fail(k, "%s has the key %q twice, first on line %d", name, k.Value, d.doc.Line(n.Content[j]))
			}
		}
		if err := read(k.Value, k, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (d decoder) list(n *yaml.Node, into reflect.Value, name string) error {
	if n.Kind != yaml.SequenceNode {
		return d.doc.Fail(n, "%s is %s, where a list belongs", name, describe(n))
	}
	if len(n.Content) == 0 {
		return nil
	}
	list := reflect.MakeSlice(into.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		if err := d.decode(item, list.Index(i), "an item of "+name); err != nil {
			return err
		}
	}
	into.Set(list)
	return nil
}

func (d decoder) scalar(n *yaml.Node, into reflect.Value, name string) error {
	tag := ""
	if n.Kind == yaml.ScalarNode {
		tag = n.ShortTag()
	}
	switch into.Kind() {
	case reflect.String:
		if tag == "!!str" || tag == "!!timestamp" {
			into.SetString(n.Value)
			return nil
		}
	case reflect.Bool:
		if b, err := strconv.ParseBool(n.Value); err == nil && tag == "!!bool" {
			into.SetBool(b)
			return nil
		}
	case reflect.Int, reflect.Int64:
		if i, err := strconv.ParseInt(n.Value, 10, 64); err == nil && tag == "!!int" && !into.OverflowInt(i) {
			into.SetInt(i)
			return nil
		}
	case reflect.Float64:
		if f, err := strconv.ParseFloat(n.Value, 64); err == nil && (tag == "!!int" || tag == "!!float") {
			into.SetFloat(f)
			return nil
		}
	}
	return d.doc.Fail(n, "%s is %s, where %s belongs", name, describe(n), wanted(into.Kind()))
}

// wanted names a kind of scalars for messages.
func wanted(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "a number"
	default:
		return "a whole number"
	}
}

// describe names the kind of a node for messages.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.ShortTag() == "!!null":
		return "empty"
	case n.ShortTag() == "!!str":
		return fmt.Sprintf("the string %q", n.Value)
	}
	return n.Value
}

// fieldsOf returns the index of each field of a struct by its key.
func fieldsOf(t reflect.Type) map[string]int {
	if known, ok := tables[t]; ok {
		return known
	}
	return makeTable(t)
}

// tables are the fields of the types of a seal, made once.
var tables = makeTables(reflect.TypeFor[Seal](), map[reflect.Type]map[string]int{})

func makeTables(t reflect.Type, into map[reflect.Type]map[string]int) map[reflect.Type]map[string]int {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || into[t] != nil {
		return into
	}
	into[t] = makeTable(t)
	for i := range t.NumField() {
		makeTables(t.Field(i).Type, into)
	}
	return into
}

func makeTable(t reflect.Type) map[string]int {
	out := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		key, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		out[key] = i
	}
	return out
}

// suggestion returns the known key that an unknown one is probably meant for, as the end of a message.
func suggestion(key string, known map[string]int) string {
	if nearest, ok := spelling.Nearest(key, maps.Keys(known)); ok {
		return fmt.Sprintf(": is %s meant?", nearest)
	}
	return ""
}
