package image

import (
	"strings"
	"testing"
)

func TestBaseOf(t *testing.T) {
	known := []Stack{
		{"none", nil},
		{"debian", []string{"a"}},
		{"python", []string{"a", "b"}},
		{"python:3", []string{"a", "b"}},
		{"other", []string{"a", "x"}},
		{"upper", []string{"b"}},
		{"itself", []string{"a", "b", "c"}},
		{"longer", []string{"a", "b", "c", "d"}},
	}
	for layers, want := range map[string]string{
		"a b c": "python python:3", "a b": "debian", "a x y": "other", "a": "", "b": "", "z y": "", "": "", "b a": "upper",
	} {
		var got []string
		for _, s := range BaseOf(strings.Fields(layers), known) {
			got = append(got, s.Ref)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("base of %q: %q, want %q", layers, got, want)
		}
	}
}
