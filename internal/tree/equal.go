package tree

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// Equal reports whether two plain values are equal. Two NaN are.
func Equal(want, got any) bool {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for k, v := range w {
			if x, has := g[k]; !has || !Equal(v, x) {
				return false
			}
		}
		return true
	case []any:
		g, ok := got.([]any)
		return ok && slices.EqualFunc(w, g, Equal)
	default:
		switch got.(type) {
		case map[string]any, []any:
			return false
		}
		return w == got || isNaN(w) && isNaN(got)
	}
}

// isNaN reports whether a value is the number that does not equal itself.
func isNaN(v any) bool {
	f, ok := v.(float64)
	return ok && math.IsNaN(f)
}

// Difference returns the path of the first place, in the order of keys, where two plain values differ: ".spec.a[1]". It
// returns "" for equal values, and for two that differ as wholes: ask Equal first.
func Difference(want, got any) string { return difference(want, got, "") }

func difference(want, got any, at string) string {
	if Equal(want, got) {
		return ""
	}
	switch w := want.(type) {
	case map[string]any:
		if g, ok := got.(map[string]any); ok {
			return mapDifference(w, g, at)
		}
	case []any:
		g, ok := got.([]any)
		for i := range w {
			if !ok || len(g) != len(w) {
				break
			}
			if d := difference(w[i], g[i], fmt.Sprintf("%s[%d]", at, i)); d != "" {
				return d
			}
		}
	}
	return at
}

func mapDifference(want, got map[string]any, at string) string {
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if _, has := got[k]; !has {
			return at + "." + k
		}
		if d := difference(want[k], got[k], at+"."+k); d != "" {
			return d
		}
	}
	for _, k := range slices.Sorted(maps.Keys(got)) {
		if _, has := want[k]; !has {
			return at + "." + k
		}
	}
	return at
}
