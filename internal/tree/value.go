// Package tree holds values whose fields have an order, and edits of such values.
//
// A value is one of: string, int64, bool, Object, []any, and where it came from a manifest also uint64, float64 and nil.
// A plain value, as a YAML or JSON decoder makes it, has map[string]any in the place of Object.
package tree

import (
	"maps"
	"slices"
)

// Object is a mapping that keeps the order of its fields, so that equal input always gives equal bytes.
type Object []Field

// Field is one entry of an Object.
type Field struct {
	Key   string
	Value any
}

// Get returns the value of a key, or nil.
func (o Object) Get(key string) any {
	for _, f := range o {
		if f.Key == key {
			return f.Value
		}
	}
	return nil
}

// AppendList returns o with a list at its end, unless the list is empty.
func (o Object) AppendList(key string, items []any) Object {
	if len(items) == 0 {
		return o
	}
	return append(o, Field{key, items})
}

// AppendObject returns o with an object at its end, unless that is empty.
func (o Object) AppendObject(key string, value Object) Object {
	if len(value) == 0 {
		return o
	}
	return append(o, Field{key, value})
}

// List returns the items of a slice as a list.
func List[T string | int64](from []T) []any {
	items := make([]any, len(from))
	for i, v := range from {
		items[i] = v
	}
	return items
}

// StringMap returns a map as an Object, sorted by key.
func StringMap(from map[string]string) Object {
	var o Object
	for _, k := range slices.Sorted(maps.Keys(from)) {
		o = append(o, Field{k, from[k]})
	}
	return o
}

// FromPlain returns a plain value with ordered fields: "name" first, then the others sorted.
func FromPlain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		var o Object
		for _, k := range slices.Sorted(maps.Keys(v)) {
			f := Field{k, FromPlain(v[k])}
			if k == "name" {
				o = slices.Insert(o, 0, f)
				continue
			}
			o = append(o, f)
		}
		return o
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = FromPlain(item)
		}
		return out
	default:
		return v
	}
}
