package pod

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/yamledit"
)

// fail returns an error about a field of a container, with its place in the file.
func (r *source) fail(c manifest.Container, field []any, format string, args ...any) error {
	return r.pod.Document.Fail(descend(c.Node, field), format, args...)
}

// failPod returns an error about a field of the pod.
func (r *source) failPod(field []any, format string, args ...any) error {
	return r.pod.Document.Fail(descend(r.pod.Node, field), format, args...)
}

// declared returns the file and line of a field of the pod.
func (r *source) declared(field []any) string {
	d := r.pod.Document
	return fmt.Sprintf("%s:%d", d.File, d.Line(descend(r.pod.Node, field)))
}

// descend follows keys and indexes into a node, as far as they exist: a merge key brings values from another place.
func descend(n *yaml.Node, field []any) *yaml.Node {
	for _, step := range field {
		var next *yaml.Node
		switch step := step.(type) {
		case string:
			_, next, _ = yamledit.Lookup(yamledit.Target(n), step)
		case int:
			if list := yamledit.Target(n); list.Kind == yaml.SequenceNode && step < len(list.Content) {
				next = list.Content[step]
			}
		}
		if next == nil {
			return n
		}
		n = next
	}
	return n
}
