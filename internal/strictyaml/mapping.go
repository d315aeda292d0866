package strictyaml

import (
	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/yamledit"
)

// Mapping calls each with every key of a mapping, and the path of its value. Merge keys (<<) are expanded; the mapping's own
// keys win.
func (d *Decoder) Mapping(path string, n *yaml.Node, each func(path, name string, key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.wrongType(path, n, "a mapping")
		return
	}
	first := map[string]*yaml.Node{} // the keys
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if !d.spend(key) {
			return
		}
		switch {
		case key.ShortTag() == "!!merge":
			merged = append(merged, value)
		case key.Kind != yaml.ScalarNode:
			d.Fail(key, "a key must be a text")
		case first[key.Value] != nil:
			d.Fail(key, "duplicate key %q: the first is in line %d", key.Value, d.doc.Line(first[key.Value]))
		default:
			first[key.Value] = key
			each(ChildPath(path, key.Value), key.Value, key, value)
		}
	}
	for _, source := range merged {
		d.merge(path, source, first, each)
	}
}

// merge calls each with the keys of a merged mapping, or of a list of them, that are not known, and adds them to those.
func (d *Decoder) merge(path string, source *yaml.Node, known map[string]*yaml.Node, each func(path, name string, key, value *yaml.Node)) {
	source = yamledit.Target(source)
	sources := []*yaml.Node{source}
	if source.Kind == yaml.SequenceNode {
		sources = source.Content
	}
	if d.merging++; d.merging > maxMerging {
		d.Fail(source, "merge keys are nested more than %d deep", maxMerging)
		sources = nil
	}
	defer func() { d.merging-- }()
	for _, from := range sources {
		if !d.spend(from) {
			return
		}
		d.Mapping(path, yamledit.Target(from), func(path, name string, key, value *yaml.Node) {
			if known[name] == nil {
				known[name] = key
				each(path, name, key, value)
			}
		})
	}
}
