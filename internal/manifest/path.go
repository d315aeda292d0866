package manifest

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// StepsInObject is the way from the object to the pod's spec.
func (p *Pod) StepsInObject() []Step {
	steps, _ := parsePath(strings.TrimPrefix(p.Path, p.Within)) // it was parsed before
	return steps
}

// Steps is the way from the document to the pod's spec.
func (p *Pod) Steps() []Step {
	steps, _ := parsePath(p.Path) // it was parsed before
	return steps
}

// parsePath reads "spec.template.spec" or "items[2].spec".
func parsePath(path string) ([]Step, error) {
	var steps []Step
	for _, part := range strings.Split(strings.TrimPrefix(path, "."), ".") {
		key, rest, indexed := strings.Cut(part, "[")
		if key == "" {
			return nil, fmt.Errorf("reading pod path %q: a part without a name; write it as in spec.template.spec", path)
		}
		steps = append(steps, Step{Key: key})
		if !indexed {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSuffix(rest, "]"))
		if err != nil || !strings.HasSuffix(rest, "]") || n < 0 {
			return nil, fmt.Errorf("reading pod path %q: an index is written as in items[0]", path)
		}
		steps = append(steps, Step{Index: n})
	}
	return steps, nil
}

// walk follows a path; ok is false where the document has no such place. It does not follow aliases: what stands behind
// one stands in more than one place.
func walk(n *yaml.Node, steps []Step) (*yaml.Node, bool) {
	for _, s := range steps {
		if s.Key == "" {
			if n.Kind != yaml.SequenceNode || s.Index >= len(n.Content) {
				return nil, false
			}
			n = n.Content[s.Index]
			continue
		}
		_, v, ok := Lookup(n, s.Key)
		if !ok {
			return nil, false
		}
		n = v
	}
	return n, true
}

// valueAt is the value at a path of the document, if the document as a whole has one and the path leads to it.
func (d *Document) valueAt(steps []Step) (any, bool) {
	v, err := d.Value(d.Root)
	if err != nil {
		return nil, false // the fault may stand where no pod is: only what is needed is refused
	}
	for _, s := range steps {
		switch x := v.(type) {
		case map[string]any:
			v = x[s.Key]
		case []any:
			if s.Key != "" || s.Index >= len(x) {
				return nil, false
			}
			v = x[s.Index]
		default:
			return nil, false
		}
	}
	return v, v != nil
}
