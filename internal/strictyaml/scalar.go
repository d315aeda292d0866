package strictyaml

import (
	"math"
	"reflect"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Scalar returns the text of a scalar as it is written; ok is false, with a problem, for anything else. want names the value in
// the problem: "text".
func (d *Decoder) Scalar(path string, n *yaml.Node, want string) (text string, ok bool) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		d.wrongType(path, n, "a "+want)
		return "", false
	}
	return n.Value, true
}

// OneOrMore returns a text, as a list, or a list of texts.
func (d *Decoder) OneOrMore(path string, n *yaml.Node) []string {
	var all []string
	if n.Kind == yaml.SequenceNode {
		d.Decode(path, n, &all)
	} else if s, ok := d.Scalar(path, n, "text or a list of texts"); ok {
		all = []string{s}
	}
	return all
}

// scalar decodes a scalar into a boolean or a number.
func (d *Decoder) scalar(path string, n *yaml.Node, v reflect.Value) {
	tag := ""
	if n.Kind == yaml.ScalarNode {
		tag = n.ShortTag()
	}
	want, ok := "a whole number", tag == "!!int"
	switch v.Kind() {
	case reflect.Bool:
		want, ok = "true or false", tag == "!!bool"
	case reflect.Float64:
		want, ok = "a number", tag == "!!int" || tag == "!!float"
	}
	if !ok || n.Decode(v.Addr().Interface()) != nil || v.CanFloat() && (math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0)) {
		d.wrongType(path, n, want)
	}
}

// wrongType records that a value has another type than its key takes.
func (d *Decoder) wrongType(path string, n *yaml.Node, want string) {
	name := LastStep(path)
	if name == "" {
		name = "the file"
	}
	d.Fail(n, "%s is %s, but must be %s", name, describe(n), want)
}

// describe names the type of a node, or the value of a scalar.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!null":
		return "empty"
	case "!!bool":
		return n.Value
	case "!!int", "!!float":
		return "the number " + n.Value
	}
	return strconv.Quote(n.Value)
}
