package workload_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/cluster/workload"
	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/manifest"
)

// TestBuild: a manifest, and what runs of its first pod: the pod, the objects that come along, and the notes.
func TestBuild(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		f, err := manifest.Parse("in.yaml", []byte(golden.Section(a, "in.yaml")), "")
		if err != nil {
			t.Fatal(err)
		}
		w, err := workload.Build(f.Pods[0], []*manifest.File{f}, workload.Options{KeepClaims: strings.Contains(string(a.Comment), "--keep-claims")})
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		show := func(v any) {
			text, err := yaml.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "---\n%s", text)
		}
		show(w.Pod)
		for _, o := range w.Objects {
			show(o.Object)
		}
		facts := fmt.Sprintf("name %s, namespace %q, completes %t, dry run of the object %t, account %q, pull secrets %q\n",
			w.Name, w.Namespace, w.Completes, w.Object != nil, w.Account, w.PullSecrets)
		return []txtar.File{{Name: "want", Data: []byte(b.String())}, {Name: "want facts", Data: []byte(facts + strings.Join(w.Notes, "\n") + "\n")}}
	})
}
