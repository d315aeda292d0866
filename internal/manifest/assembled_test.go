package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/golden"
)

// A golden is an object of a controller, the values that the user gives its parameters in the comment ("NAME=VALUE ..."),
// and the pods that the controller makes of it.
func TestAssembledPods(t *testing.T) {
	golden.Run(t, "testdata/assembled/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		given := map[string]string{}
		for _, word := range strings.Fields(string(a.Comment)) {
			name, value, _ := strings.Cut(word, "=")
			given[name] = value
		}
		f, err := ParseWith("in.yaml", a.Files[0].Data, Options{Parameters: given})
		if err != nil {
			return golden.Want("error: " + err.Error() + "\n")
		}
		var b strings.Builder
		for _, p := range f.Pods {
			fmt.Fprintf(&b, "# %s at %s, made by %s, with fields of the pod: %t\n", p, p.Path, p.Controller().Name, p.Controller().PodFields)
			for _, note := range p.Notes {
				if note != p.Controller().note {
					fmt.Fprintf(&b, "# note: %s\n", note)
				}
			}
			text, err := yaml.Marshal(map[string]any{"labels": p.Meta.Labels, "annotations": p.Meta.Annotations, "spec": p.Spec})
			if err != nil {
				t.Fatal(err)
			}
			b.Write(text)
		}
		for _, o := range f.Objects {
			fmt.Fprintln(&b, "#", o.Unsealed())
		}
		for _, name := range slices.Sorted(maps.Keys(given)) {
			fmt.Fprintf(&b, "# uses the parameter %s: %t\n", name, f.UsesParameter(name))
		}
		return golden.Want(b.String())
	})
}
