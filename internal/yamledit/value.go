package yamledit

import (
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// resolver turns nodes into plain values (map[string]any, []any, string, int64, uint64, float64, bool, nil) as the
// Kubernetes tools read them: aliases and merge keys resolved, and the booleans of YAML 1.1.
type resolver struct {
	doc    *Document
	active map[*yaml.Node]bool // anchors that are being resolved
	left   int                 // values that may still be made: aliases of aliases can be endless
}

// Value returns the value of a node. A duplicate key, or one on which the tools disagree, is an error.
//
// Values are not to be changed: the same one is given again.
func (d *Document) Value(n *yaml.Node) (any, error) {
	if n == d.Root {
		d.rootOnce.Do(func() { d.root, d.rootErr = d.resolve(n) })
		return d.root, d.rootErr
	}
	return d.resolve(n)
}

func (d *Document) resolve(n *yaml.Node) (any, error) {
	r := resolver{doc: d, active: map[*yaml.Node]bool{}, left: 1000 + 20*len(d.Text)}
	return r.value(n)
}

func (r *resolver) value(n *yaml.Node) (any, error) {
	if r.left == 0 {
		return nil, r.doc.Fail(n, "aliases multiply this document beyond reason")
	}
	r.left--
	switch n.Kind {
	case yaml.AliasNode:
		if n.Alias == nil || r.active[n.Alias] {
			return nil, r.doc.Fail(n, "anchor %q contains itself", n.Value)
		}
		r.active[n.Alias] = true
		v, err := r.value(n.Alias)
		delete(r.active, n.Alias)
		return v, err
	case yaml.SequenceNode:
		items := make([]any, len(n.Content))
		for i, item := range n.Content {
			v, err := r.value(item)
			if err != nil {
				return nil, err
			}
			items[i] = v
		}
		return items, nil
	case yaml.MappingNode:
		return r.mapping(n)
	default:
		return r.scalar(n)
	}
}

func (r *resolver) mapping(n *yaml.Node) (any, error) {
	fields := make(map[string]any, len(n.Content)/2)
	var merges []*yaml.Node
	firstMerge := len(n.Content)
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		if isMerge(key) {
			merges = append(merges, n.Content[i+1])
			firstMerge = min(firstMerge, i)
			continue
		}
		name, err := r.key(key)
		if err != nil {
			return nil, err
		}
		if _, twice := fields[name]; twice {
			return nil, r.doc.Fail(key, "key %q is a duplicate; tools differ on the one that counts: remove one", key.Value)
		}
		v, err := r.value(n.Content[i+1])
		if err != nil {
			return nil, err
		}
		fields[name] = v
	}
	for _, m := range merges {
		if err := r.merge(n, m, fields, firstMerge); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// key returns a key as the string that the Kubernetes tools make of it: "on" becomes "true", and 0x10 "16".
func (r *resolver) key(n *yaml.Node) (string, error) {
	if n.Kind != yaml.ScalarNode {
		return "", r.doc.Fail(n, "a key that is not a plain word")
	}
	v, err := r.scalar(n)
	if err != nil {
		return "", err
	}
	switch v := v.(type) {
	case string:
		return v, nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case bool:
		return strconv.FormatBool(v), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 32), nil // in 32 bits, as they do it
	}
	return "", r.doc.Fail(n, "a key that is not a plain word: put %q in quotes", n.Value)
}

// merge adds what a merge key brings. A key that stands before "<<" and is brought by it too is an error: the YAML
// specification lets the explicit key count, the library of the Kubernetes tools the merged one.
func (r *resolver) merge(n, source *yaml.Node, fields map[string]any, at int) error {
	v, err := r.value(source)
	if err != nil {
		return err
	}
	sources, isList := v.([]any)
	if !isList {
		sources = []any{v}
	}
	for _, s := range sources {
		m, ok := s.(map[string]any)
		if !ok {
			return r.doc.Fail(source, "a merge key takes a mapping")
		}
		for i := range at / 2 {
			key := n.Content[2*i]
			if _, both := m[key.Value]; both {
				return r.doc.Fail(key, "key %q stands before the merge key that brings it too; tools differ on the one that counts: move '<<' to the front", key.Value)
			}
		}
		for k, val := range m {
			if _, has := fields[k]; !has {
				fields[k] = val
			}
		}
	}
	return nil
}

// Merges reports whether a mapping has a merge key.
func Merges(mapping *yaml.Node) bool {
	for i := 0; i < len(mapping.Content); i += 2 {
		if isMerge(mapping.Content[i]) {
			return true
		}
	}
	return false
}

func isMerge(key *yaml.Node) bool { return key.Kind == yaml.ScalarNode && key.Tag == "!!merge" }

var (
	oldTrue  = []string{"y", "Y", "yes", "Yes", "YES", "on", "On", "ON"}
	oldFalse = []string{"n", "N", "no", "No", "NO", "off", "Off", "OFF"}
)

func (r *resolver) scalar(n *yaml.Node) (any, error) {
	switch n.Tag {
	case "!!str", "!!timestamp", "!!merge":
		if n.Style == 0 && len(n.Value) <= 3 {
			if slices.Contains(oldTrue, n.Value) {
				return true, nil
			}
			if slices.Contains(oldFalse, n.Value) {
				return false, nil
			}
		}
		return n.Value, nil
	case "!!int":
		if i, err := strconv.ParseInt(n.Value, 10, 64); err == nil && n.Value[0] != '0' {
			return i, nil
		}
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, r.doc.Fail(n, "reading %q: %v", n.Value, err)
	}
	if i, ok := v.(int); ok {
		return int64(i), nil
	}
	return v, nil
}

// Lookup finds a key in a mapping: its own entry, not one that a merge key brings. The value is not resolved.
func Lookup(mapping *yaml.Node, key string) (k, v *yaml.Node, ok bool) {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil, nil, false
	}
	for i := 0; i < len(mapping.Content); i += 2 {
		if c := mapping.Content[i]; c.Kind == yaml.ScalarNode && c.Value == key && !isMerge(c) {
			return c, mapping.Content[i+1], true
		}
	}
	return nil, nil, false
}

// Target follows an alias to the node that it stands for. An alias of nothing, or of itself, is returned as it is.
func Target(n *yaml.Node) *yaml.Node {
	for range 100 {
		if n == nil || n.Kind != yaml.AliasNode || n.Alias == nil {
			break
		}
		n = n.Alias
	}
	return n
}
