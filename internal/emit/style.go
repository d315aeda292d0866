package emit

import (
	"bytes"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/yamledit"
)

// style is how a manifest indents its own YAML; new lines follow it.
type style struct {
	step int // columns between a key and the keys of its mapping
	dash int // columns between a key and the dashes of its sequence: 0, or step
	gap  int // columns between a dash and what follows it
}

var plainStyle = style{step: 2, dash: 0, gap: 2}

// styleOf finds how the manifest indents: from the pod's containers, else from the rest of the document.
func styleOf(doc *yamledit.Document, pod *manifest.Pod) style {
	s := plainStyle
	if step := findStep(pod.Node); step > 0 {
		s.step = step
	} else if step := findStep(doc.Root); step > 0 {
		s.step = step
	}
	key, value, ok := yamledit.Lookup(pod.Node, "containers")
	if !ok || value.Kind != yaml.SequenceNode || value.Style&yaml.FlowStyle != 0 {
		return s
	}
	k, err1 := doc.Position(key)
	dash, err2 := doc.Start(value)
	first, err3 := doc.Position(value.Content[0])
	if err1 != nil || err2 != nil || err3 != nil {
		return s
	}
	s.dash = max(0, doc.Column(dash)-doc.Column(k))
	if gap := first - dash; gap >= 2 && gap <= 8 && !bytes.ContainsAny(doc.Text[dash:first], "\r\n") {
		s.gap = gap
	}
	return s
}

// findStep is the indent of the first block mapping in a block mapping.
func findStep(n *yaml.Node) int {
	if n == nil || n.Kind == yaml.AliasNode || n.Style&yaml.FlowStyle != 0 {
		return 0
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && c.Kind == yaml.MappingNode && c.Style&yaml.FlowStyle == 0 && len(c.Content) > 0 {
			if step := c.Content[0].Column - n.Content[i-1].Column; step > 0 {
				return step
			}
		}
		if step := findStep(c); step > 0 {
			return step
		}
	}
	return 0
}
