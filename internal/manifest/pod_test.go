package manifest

import (
	"errors"
	"fmt"
	"maps"
	"testing"
)

func parsePod(t *testing.T, source string) *Pod {
	t.Helper()
	f, err := Parse("in.yaml", []byte(source), "")
	if err != nil || len(f.Pods) != 1 {
		t.Fatalf("%v, %v", f, err)
	}
	return f.Pods[0]
}

// Kubernetes merges the lists of its built-in kinds. Knative passes only some fields of a pod on.
func TestGroups(t *testing.T) {
	for _, c := range []struct {
		apiVersion, kind string
		builtIn, knative bool
	}{
		{"apps/v1", "Deployment", true, false},
		{"argoproj.io/v1alpha1", "Rollout", false, false},
		{"serving.knative.dev/v1", "Service", false, true},
	} {
		p := parsePod(t, fmt.Sprintf("apiVersion: %s\nkind: %s\nspec: {template: {spec: {containers: [{name: a, image: i}]}}}\n", c.apiVersion, c.kind))
		if p.BuiltIn() != c.builtIn || p.Knative() != c.knative {
			t.Errorf("%s: built in %t, Knative %t", c.apiVersion, p.BuiltIn(), p.Knative())
		}
	}
}

func TestSelector(t *testing.T) {
	for selector, want := range map[string]map[string]string{
		"{matchLabels: {app: web}}": {"app": "web"},
		"{app: web}":                {"app": "web"}, // of a ReplicationController
		"{matchExpressions: [{key: a, operator: Exists}]}": nil,
		"null": nil,
	} {
		p := parsePod(t, "apiVersion: apps/v1\nkind: Deployment\nspec: {selector: "+selector+", template: {spec: {containers: [{name: a, image: i}]}}}\n")
		if got := p.Selector(); !maps.Equal(got, want) {
			t.Errorf("%s selects %v", selector, got)
		}
	}
	if got := parsePod(t, "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: i}]}\n").Selector(); got != nil {
		t.Errorf("a Pod selects %v", got)
	}
}

func TestContainerByName(t *testing.T) {
	p := parsePod(t, "apiVersion: v1\nkind: Pod\nspec: {initContainers: [{name: first, image: i}], containers: [{name: app, image: i}]}\n")
	if c, ok := p.Container("app"); !ok || c.Name != "app" {
		t.Errorf("app: %v, %t", c.Name, ok)
	}
	if c, ok := p.Container("none"); ok {
		t.Errorf("there is no container none, but %s", c.Name)
	}
}

// An error with a place in a manifest starts with it, whatever was on the way there.
func TestLocated(t *testing.T) {
	placed := fmt.Errorf("sealing web: %w", &Error{File: "in.yaml", Line: 3, Reason: "no such key"})
	if got := Located(placed); got.Error() != "in.yaml:3: no such key" || !errors.Is(got, placed) {
		t.Errorf("located: %v", got)
	}
	if other := errors.New("no engine"); !errors.Is(Located(other), other) {
		t.Errorf("an error without a place became %v", Located(other))
	}
}
