package yamledit

import (
	"go.yaml.in/yaml/v3"
)

// Equals reports whether a node has a value, without making one of the node. It may be false for an equal value where the
// node has aliases or merge keys: then compare with Value.
func (d *Document) Equals(n *yaml.Node, value any) bool {
	r := resolver{doc: d}
	return r.equals(n, value)
}

func (r *resolver) equals(n *yaml.Node, value any) bool {
	switch n.Kind {
	case yaml.SequenceNode:
		list, ok := value.([]any)
		if !ok || len(list) != len(n.Content) {
			return false
		}
		for i, item := range n.Content {
			if !r.equals(item, list[i]) {
				return false
			}
		}
		return true
	case yaml.MappingNode:
		return r.mappingEquals(n, value)
	case yaml.ScalarNode:
		switch value.(type) {
		case map[string]any, []any:
			return false
		}
		got, err := r.scalar(n)
		return err == nil && got == value
	default:
		return false
	}
}

// mappingEquals reports whether a mapping has a value. It compares entry by entry: there are as many entries as the value
// has, and no key is a duplicate, so that each of the value's has one.
func (r *resolver) mappingEquals(n *yaml.Node, value any) bool {
	fields, ok := value.(map[string]any)
	if !ok || 2*len(fields) != len(n.Content) {
		return false
	}
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		name, err := r.key(n.Content[i])
		if err != nil || isMerge(n.Content[i]) || seen[name] {
			return false
		}
		seen[name] = true
		want, has := fields[name]
		if !has || !r.equals(n.Content[i+1], want) {
			return false
		}
	}
	return true
}
