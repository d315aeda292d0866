package manifest

import (
	"fmt"
	"slices"
)

// mapping returns a key's value if it is a mapping; else nil, which can be read like an empty one.
func mapping(v map[string]any, key string) map[string]any {
	m, _ := v[key].(map[string]any)
	return m
}

// mappings returns the items of a key's list that are mappings.
func mappings(v map[string]any, key string) []map[string]any {
	list, _ := v[key].([]any)
	var out []map[string]any
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// onlyMappings returns an error if a key's list has an item that is no mapping.
func onlyMappings(v map[string]any, key string) error {
	if list, _ := v[key].([]any); len(list) != len(mappings(v, key)) {
		return fmt.Errorf("an item of %s is not a mapping", key)
	}
	return nil
}

// text returns a key's value if it is a string.
func text(v map[string]any, key string) string {
	s, _ := v[key].(string)
	return s
}

// without returns a copy of a mapping without some keys.
func without(v map[string]any, keys ...string) map[string]any {
	out := map[string]any{}
	for key, value := range v {
		if !slices.Contains(keys, key) {
			out[key] = value
		}
	}
	return out
}

// add appends items to the list of a key. The list itself, which may belong to a document, is not changed.
func add(v map[string]any, key string, items ...any) {
	list, _ := v[key].([]any)
	v[key] = append(slices.Clone(list), items...)
}
