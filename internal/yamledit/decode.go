package yamledit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
	kjson "k8s.io/apimachinery/pkg/util/json" // distinguishes "containers" from "Containers", as the API server does
)

// Decode reads a node as the API server of Kubernetes would read it. Unknown fields are ignored.
func (d *Document) Decode(n *yaml.Node, into any) error {
	v, err := d.Value(n)
	if err != nil {
		return err
	}
	return d.DecodeValue(n, v, into)
}

// DecodeValue reads a node as Decode does, from its value if that is known.
func (d *Document) DecodeValue(n *yaml.Node, v, into any) error {
	text, err := kjson.Marshal(v)
	if err != nil {
		return d.Fail(n, "no JSON can say this: %v", err)
	}
	if err := kjson.Unmarshal(text, into); err != nil {
		if located := typeError(d, n, text, into); located != nil {
			return located
		}
		return valueError(d, n, text, into, err)
	}
	return nil
}

// typeError returns the error of a value of another type than into has in its place, with the value's own line; nil if
// text does not fit for another reason. The text is the JSON of the node.
func typeError(d *Document, n *yaml.Node, text []byte, into any) error {
	fresh := reflect.New(reflect.TypeOf(into).Elem()).Interface()
	var bad *json.UnmarshalTypeError
	if !errors.As(json.Unmarshal(text, fresh), &bad) {
		return nil
	}
	return d.Fail(nodeAt(n, jsonPath(text, bad.Offset)), "%s", DescribeType(bad))
}

// DescribeType words a type error of encoding/json for a reader who knows YAML: "ports is a string, where a list belongs".
func DescribeType(bad *json.UnmarshalTypeError) string {
	field := bad.Field[strings.LastIndex(bad.Field, ".")+1:]
	if field == "" {
		field = "the value"
	}
	have, number, _ := strings.Cut(bad.Value, " ") // "number -5"
	if number != "" && typeWord(bad.Type) == "number" {
		return fmt.Sprintf("%s is %s, which is out of range or no whole number", field, number)
	}
	if word := map[string]string{"array": "list", "object": "mapping", "bool": "boolean"}[have]; word != "" {
		have = word
	}
	return fmt.Sprintf("%s is a %s, where a %s belongs", field, have, typeWord(bad.Type))
}

func typeWord(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	case reflect.Slice, reflect.Array:
		return "list of " + typeWord(t.Elem()) + "s"
	case reflect.Map, reflect.Struct:
		return "mapping"
	case reflect.Pointer:
		return typeWord(t.Elem())
	default:
		return "number"
	}
}

// jsonPath returns the keys and indices that lead to the value which the JSON decoder has read at an offset.
func jsonPath(text []byte, offset int64) []any {
	decoder := json.NewDecoder(bytes.NewReader(text))
	var path []any // of the value that is read: a key, an index, or nil before the first key of an object
	wantKey := false
	for {
		token, err := decoder.Token()
		if err != nil {
			return nil
		}
		if key, ok := token.(string); ok && wantKey {
			path[len(path)-1], wantKey = key, false
			continue
		}
		if decoder.InputOffset() >= offset {
			return path
		}
		path, wantKey = advance(path, token)
	}
}

// advance moves the path behind a token that is not a key. wantKey reports that a key or the end of the object follows.
func advance(path []any, token json.Token) (next []any, wantKey bool) {
	switch token {
	case json.Delim('{'):
		return append(path, nil), true
	case json.Delim('['):
		return append(path, 0), false
	case json.Delim('}'), json.Delim(']'):
		path = path[:len(path)-1]
	}
	index, inList := path[len(path)-1].(int) // no path is left at the end of the text, which is not asked for
	if inList {
		path[len(path)-1] = index + 1
	}
	return path, !inList
}

// nodeAt descends from a node; it stops where the path leaves the nodes, for instance at a merge key.
func nodeAt(n *yaml.Node, path []any) *yaml.Node {
	for _, step := range path {
		n = Target(n)
		switch s := step.(type) {
		case string:
			_, value, ok := Lookup(n, s)
			if !ok {
				return n
			}
			n = value
		case int:
			if n.Kind != yaml.SequenceNode || s >= len(n.Content) {
				return n
			}
			n = n.Content[s]
		}
	}
	return n
}
