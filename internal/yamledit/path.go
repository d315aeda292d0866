package yamledit

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Step is one part of a path into a document: a key, or an index where Key is empty.
type Step struct {
	Key   string
	Index int
}

// ParsePath reads a path such as "spec.template.spec" or "items[2].spec". In a pattern, [*] stands for every item of a
// list, and the key * for every key of a mapping.
func ParsePath(path string) ([]Step, error) {
	var steps []Step
	for _, part := range strings.Split(strings.TrimPrefix(path, "."), ".") {
		key, rest, indexed := strings.Cut(part, "[")
		if key == "" {
			return nil, fmt.Errorf("reading pod path %q: a part has no name; write it as in spec.template.spec", path)
		}
		steps = append(steps, Step{Key: key})
		if !indexed {
			continue
		}
		if rest == "*]" {
			steps = append(steps, Step{Index: every})
			continue
		}
		n, err := strconv.Atoi(strings.TrimSuffix(rest, "]"))
		if err != nil || !strings.HasSuffix(rest, "]") || n < 0 {
			return nil, fmt.Errorf("reading pod path %q: an index is written as in items[0], or items[*] for all", path)
		}
		steps = append(steps, Step{Index: n})
	}
	return steps, nil
}

// Walk follows a path; ok is false where the document has no such place. It does not follow aliases: what stands behind
// one stands in more than one place.
func Walk(n *yaml.Node, steps []Step) (*yaml.Node, bool) {
	for _, s := range steps {
		if s.Key == "" {
			if n.Kind != yaml.SequenceNode || s.Index < 0 || s.Index >= len(n.Content) {
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

// ValueAt returns the value at a path of the document, if the document as a whole has one and the path leads to it.
func (d *Document) ValueAt(steps []Step) (any, bool) {
	v, err := d.Value(d.Root)
	if err != nil {
		return nil, false // the fault may stand where no pod is: only what is needed is refused
	}
	v = At(v, steps)
	return v, v != nil
}

// At follows a path into a plain value; nil where there is none.
func At(v any, steps []Step) any {
	for _, s := range steps {
		switch x := v.(type) {
		case map[string]any:
			v = x[s.Key]
		case []any:
			if s.Key != "" || s.Index < 0 || s.Index >= len(x) {
				return nil
			}
			v = x[s.Index]
		default:
			return nil
		}
	}
	return v
}
