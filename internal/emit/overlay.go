package emit

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/yamledit"
)

// What is to be changed in a pod is a tree beside the manifest's own: an object says which keys change, a scalar what a
// key becomes, items what happens to a sequence, replaced that a whole value goes. A tree holds nothing that is
// already as wanted, so an empty tree is a sealed pod.
type (
	// items changes single items of a sequence and adds new ones before and after those that are there.
	items struct {
		at              []itemEdit
		prepend, append []any
	}
	itemEdit struct {
		index int
		edit  object
	}
	// replaced takes the place of a sequence.
	replaced []any
)

func (i items) empty() bool { return len(i.at)+len(i.prepend)+len(i.append) == 0 }

// overlay is the value that an edit makes of a value: what the manifest must mean after the bytes were changed. The
// node is the value's own, where it has one; the entrances say where new items of a node went in.
func overlay(value, edit any, node *yaml.Node, entrances map[*yaml.Node]int) any {
	switch e := edit.(type) {
	case object:
		old, _ := value.(map[string]any)
		out := maps.Clone(old)
		if out == nil {
			out = map[string]any{}
		}
		for _, f := range e {
			_, child, _ := yamledit.Lookup(node, f.key)
			out[f.key] = overlay(out[f.key], f.val, child, entrances)
		}
		return out
	case items:
		old, _ := value.([]any)
		out := slices.Clone(old)
		for _, at := range e.at {
			if at.index < len(out) {
				out[at.index] = overlay(out[at.index], at.edit, item(node, at.index), entrances)
			}
		}
		entrance, ok := entrances[node]
		if !ok || entrance > len(out) {
			entrance = len(out)
		}
		return slices.Concat(asValues(e.prepend), out[:entrance], asValues(e.append), out[entrance:])
	case replaced:
		return asValues(e)
	case []any:
		return asValues(e)
	default:
		return e
	}
}

func asValues(list []any) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = overlay(nil, v, nil, nil)
	}
	return out
}

func item(sequence *yaml.Node, index int) *yaml.Node {
	if sequence == nil || sequence.Kind != yaml.SequenceNode || index >= len(sequence.Content) {
		return nil
	}
	return sequence.Content[index]
}

// asTree makes a value that can be rendered, for what an alias or a merge key brought and must now be written out.
func asTree(v any) any {
	switch v := v.(type) {
	case map[string]any:
		var o object
		for _, k := range slices.Sorted(maps.Keys(v)) {
			f := field{k, asTree(v[k])}
			if k == "name" {
				o = slices.Insert(o, 0, f)
				continue
			}
			o = append(o, f)
		}
		return o
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = asTree(item)
		}
		return out
	default:
		return v
	}
}

// same tells whether two values are the same. It is what difference asks first: most values are.
func same(want, got any) bool {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for k, v := range w {
			if x, has := g[k]; !has || !same(v, x) {
				return false
			}
		}
		return true
	case []any:
		g, ok := got.([]any)
		return ok && slices.EqualFunc(w, g, same)
	default:
		switch got.(type) {
		case map[string]any, []any:
			return false
		}
		return w == got || isNaN(w) && isNaN(got)
	}
}

// difference names the first place at which two values differ, for the message of a refusal.
func difference(want, got any, at string) string {
	if same(want, got) {
		return ""
	}
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return at
		}
		for _, k := range slices.Sorted(maps.Keys(w)) {
			if _, has := g[k]; !has {
				return at + "." + k
			}
			if d := difference(w[k], g[k], at+"."+k); d != "" {
				return d
			}
		}
		for _, k := range slices.Sorted(maps.Keys(g)) {
			if _, has := w[k]; !has {
				return at + "." + k
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return at
		}
		for i := range w {
			if d := difference(w[i], g[i], fmt.Sprintf("%s[%d]", at, i)); d != "" {
				return d
			}
		}
		return ""
	default:
		if w == got || isNaN(w) && isNaN(got) {
			return ""
		}
		return at
	}
}

// isNaN tells whether a value is the number that does not equal itself: two of them mean the same here.
func isNaN(v any) bool {
	f, ok := v.(float64)
	return ok && math.IsNaN(f)
}
