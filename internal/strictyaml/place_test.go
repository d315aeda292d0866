package strictyaml_test

import (
	"testing"

	"github.com/podseal/podseal/internal/strictyaml"
)

func TestPaths(t *testing.T) {
	for _, key := range []string{"a", "a.b", `a["b`, `a[b]`, `a\"]`, `a"]`, ""} {
		for _, parent := range []string{"", "x", "x[0]", `x["y.z"]`} {
			if parent == "" && key == "" {
				continue
			}
			path := strictyaml.ChildPath(parent, key)
			if got := strictyaml.LastStep(path); got != key {
				t.Errorf("%s: the last step is %s, want %s", path, got, key)
			}
			places := strictyaml.Places{"": {Line: 1, Column: 1}, parent: {Line: 2, Column: 2}}
			if got := places.Of(path); got != places[parent] {
				t.Errorf("%s: the place is %v, want that of %q", path, got, parent)
			}
		}
	}
	if got := strictyaml.LastStep("targets[0]"); got != "targets[0]" {
		t.Errorf("the last step is %s", got)
	}
}
