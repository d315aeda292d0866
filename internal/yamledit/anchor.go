package yamledit

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// anchorAt returns the node of the anchor whose content a place of a document shares: that of the last alias on the way
// to the place. The path is written as tree.Difference writes it. The result is nil where no alias is on the way.
func anchorAt(n *yaml.Node, path string) *yaml.Node {
	var shared *yaml.Node
	for n != nil {
		if n.Kind == yaml.AliasNode {
			n, shared = n.Alias, n.Alias
			continue
		}
		next, rest, merged := step(n, path)
		if merged && next == shared {
			return shared // the place is to be added to it
		}
		if merged {
			shared = next
		}
		n, path = next, rest
	}
	return shared
}

// step goes one key or index down. The node is nil at the end of the path. merged reports that a merge key holds the place
// by an alias: the node is then the mapping that it refers to, and the path is still to be gone.
func step(n *yaml.Node, path string) (next *yaml.Node, rest string, merged bool) {
	if n.Kind == yaml.SequenceNode {
		index, rest, _ := strings.Cut(strings.TrimPrefix(path, "["), "]")
		i, err := strconv.Atoi(index)
		if err != nil || i >= len(n.Content) {
			return nil, "", false
		}
		return n.Content[i], rest, false
	}
	if n.Kind != yaml.MappingNode {
		return nil, "", false
	}
	longest := -1 // a key may hold dots itself
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if after, ok := strings.CutPrefix(path, "."+key); ok && len(key) > longest && (after == "" || after[0] == '.' || after[0] == '[') {
			longest, next, rest = len(key), n.Content[i+1], after
		}
	}
	if next != nil {
		return next, rest, false
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Tag == "!!merge" {
			return mergedAt(n.Content[i+1], path)
		}
	}
	return nil, "", false
}

// mergedAt finds the mapping of a merge key's value that holds the first key of a path, or would hold it.
func mergedAt(value *yaml.Node, path string) (*yaml.Node, string, bool) {
	sources := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode {
		sources = value.Content
	}
	var first *yaml.Node
	for _, s := range sources {
		if s.Kind != yaml.AliasNode {
			continue
		}
		if next, _, _ := step(s.Alias, path); next != nil {
			return s.Alias, path, true
		}
		if first == nil {
			first = s.Alias
		}
	}
	return first, path, first != nil
}
