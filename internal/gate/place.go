package gate

import (
	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/yamledit"
)

// place is a position in a manifest. Line and column count from 1.
type place struct{ line, column int }

// placeOf returns the position of the key at the end of a path of keys below a node, or of the deepest one that exists.
func placeOf(pod *manifest.Pod, n *yaml.Node, keys ...string) place {
	at := n
	for _, key := range keys {
		k, v, ok := yamledit.Lookup(n, key)
		if !ok {
			break
		}
		at, n = k, yamledit.Target(v)
	}
	return nodePlace(pod, at)
}

// itemPlace returns the position of an item of the list under a key, or of the deepest node that exists.
func itemPlace(pod *manifest.Pod, n *yaml.Node, key string, index int) place {
	if _, list, ok := yamledit.Lookup(n, key); ok {
		if list = yamledit.Target(list); list.Kind == yaml.SequenceNode && index < len(list.Content) {
			return nodePlace(pod, list.Content[index])
		}
	}
	return placeOf(pod, n, key)
}

func nodePlace(pod *manifest.Pod, n *yaml.Node) place { return place{pod.Document.Line(n), n.Column} }
