package yamledit

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/tree"
)

// Whatever the string: in block and in flow style, as key and as value, the tools read the same string.
func FuzzRender(f *testing.F) {
	for _, s := range []string{"", "a", "a b", "- a", "-", "a: b", "a:", "yes", "1", "1Ki", "1_0", "=", "<<", "\n", "'", `"`, "\u2028", "\x85", "#", "a #b", "{", "+.inf", "..."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		value := tree.Object{{Key: "k", Value: s}, {Key: "list", Value: []any{s, tree.Object{{Key: "in", Value: s}}}}, {Key: "x" + s, Value: true}}
		lines := DefaultStyle().blockFields(tree.Object{{Key: "block", Value: value}, {Key: "flow", Value: "FLOW"}}, 0)
		text := ""
		for _, line := range lines {
			text += line + "\n"
		}
		text = text[:len(text)-len("FLOW\n")] + flow(value, false) + "\njson: " + flow(value, true) + "\n"
		valid := []rune(s) // what is not UTF-8 cannot be in a manifest
		s = string(valid)
		want := map[string]any{"k": s, "list": []any{s, map[string]any{"in": s}}, "x" + s: true}
		var got map[string]any
		if err := yaml.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		for _, key := range []string{"block", "flow", "json"} {
			if diff := cmp.Diff(any(want), got[key]); diff != "" {
				t.Errorf("%s: -want +got:\n%s\n%s", key, diff, text)
			}
		}
	})
}
