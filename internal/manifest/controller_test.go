package manifest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podseal/podseal/internal/tree"
)

const workflow = `apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  securityContext: {runAsUser: 7}
  volumes: [{name: shared, emptyDir: {}}]
  templates:
  - name: t
    volumes: [{name: own, emptyDir: {}}]
    initContainers: [{name: first, image: i}]
    container: {image: i}
`

// An edit of the pod becomes one of the template. The workflow's securityContext, which the template's own replaces, is
// copied into it.
func TestInPlace(t *testing.T) {
	f, err := Parse("in.yaml", []byte(workflow), "")
	if err != nil {
		t.Fatal(err)
	}
	change := func(name string) tree.Object {
		return tree.Object{{Key: "securityContext", Value: tree.Object{{Key: name, Value: true}}}}
	}
	seed := tree.Object{{Key: "name", Value: "seed-x"}}
	got, err := f.Pods[0].InPlace(tree.Object{
		{Key: "securityContext", Value: tree.Object{{Key: "fsGroup", Value: int64(5)}}},
		{Key: "initContainers", Value: tree.Items{At: []tree.ItemEdit{{Index: 0, Edit: change("a")}}, Prepend: []any{seed}}},
		{Key: "containers", Value: tree.Items{At: []tree.ItemEdit{{Index: 0, Edit: change("b")}}}},
		{Key: "volumes", Value: tree.Items{At: []tree.ItemEdit{{Index: 0, Edit: change("c")}}}},
	})
	want := tree.Object{
		{Key: "securityContext", Value: tree.Object{{Key: "fsGroup", Value: int64(5)}, {Key: "runAsUser", Value: int64(7)}}},
		{Key: "initContainers", Value: tree.Items{At: []tree.ItemEdit{{Index: 0, Edit: change("a")}}, Prepend: []any{seed}}},
		{Key: "container", Value: change("b")},
		{Key: "volumes", Value: tree.Items{At: []tree.ItemEdit{{Index: 0, Edit: change("c")}}}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v; -want +got:\n%s", err, diff)
	}
	got, err = f.Pods[0].InPlace(tree.Object{{Key: "containers", Value: tree.Items{At: []tree.ItemEdit{{Index: 0, Edit: change("b")}}}}})
	if diff := cmp.Diff(tree.Object{{Key: "container", Value: change("b")}}, got); err != nil || diff != "" {
		t.Errorf("without a seed, only the container is changed: %v; -want +got:\n%s", err, diff)
	}
	_, err = f.Pods[0].InPlace(tree.Object{{Key: "volumes", Value: tree.Items{At: []tree.ItemEdit{{Index: 1, Edit: change("c")}}}}})
	if err == nil || !strings.HasPrefix(err.Error(), "in.yaml:8: volume shared of Workflow w belongs to all its pods") {
		t.Errorf("the volume of all templates: %v", err)
	}
}
