package yamledit

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// every is the index of a pattern that stands for all items of a list.
const every = -1

// FormatPath writes a path as ParsePath reads it.
func FormatPath(steps []Step) string {
	var b strings.Builder
	for _, s := range steps {
		switch {
		case s.Key == "" && s.Index == every:
			b.WriteString("[*]")
		case s.Key == "":
			fmt.Fprintf(&b, "[%d]", s.Index)
		case b.Len() > 0:
			b.WriteString("." + s.Key)
		default:
			b.WriteString(s.Key)
		}
	}
	return b.String()
}

// IsPattern reports whether a path stands for more than one place.
func IsPattern(steps []Step) bool {
	for _, s := range steps {
		if s.Key == "*" || s.Key == "" && s.Index == every {
			return true
		}
	}
	return false
}

// Expand returns the places of a document that a pattern matches, in the document's order. Like Walk it does not follow
// aliases. Keys that no path can name are left out.
func Expand(n *yaml.Node, pattern []Step) [][]Step {
	return expandFrom(n, nil, pattern)
}

func expandFrom(n *yaml.Node, done, pattern []Step) [][]Step {
	if len(pattern) == 0 {
		return [][]Step{done}
	}
	var out [][]Step
	follow := func(child *yaml.Node, s Step) {
		out = append(out, expandFrom(child, append(done[:len(done):len(done)], s), pattern[1:])...)
	}
	switch s := pattern[0]; {
	case s.Key == "*" && n.Kind == yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			if key := n.Content[i]; IsPathKey(key) {
				follow(n.Content[i+1], Step{Key: key.Value})
			}
		}
	case s.Key == "" && s.Index == every && n.Kind == yaml.SequenceNode:
		for i, item := range n.Content {
			follow(item, Step{Index: i})
		}
	default:
		if child, ok := Walk(n, pattern[:1]); ok {
			follow(child, s)
		}
	}
	return out
}

// IsPathKey reports whether a path can name a key.
func IsPathKey(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && !isMerge(key) && key.Value != "" && !strings.ContainsAny(key.Value, ".[]*")
}
