//go:build cluster

package cluster

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/cluster/kubetest"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// exampleRules returns the rules of the example for temporary namespaces.
func exampleRules(t *testing.T) []rbacv1.PolicyRule {
	t.Helper()
	data, err := os.ReadFile("../../examples/cluster/role.yaml")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := bytes.Cut(data, []byte("\n---\n"))
	var role rbacv1.ClusterRole
	if err := yaml.UnmarshalStrict(first, &role); err != nil || len(role.Rules) == 0 {
		t.Fatalf("no rules in the example: %v", err)
	}
	return role.Rules
}

// TestRights: the rights of the example suffice for a traced run, and without the right to add an observer the run is
// untraced and says so.
func TestRights(t *testing.T) {
	all := exampleRules(t)
	without := slices.DeleteFunc(slices.Clone(all), func(r rbacv1.PolicyRule) bool { return slices.Contains(r.Resources, "pods/ephemeralcontainers") })
	if len(without) != len(all)-1 {
		t.Fatal("the example has no rule for observers")
	}
	i := shellImage(t, "echo x >/new; echo ready; sleep 100")
	file := load(t, i)
	for name, rules := range map[string][]rbacv1.PolicyRule{"all": all, "untraced": without} {
		t.Run(name, func(t *testing.T) {
			client := kubetest.Limited(t, kubetest.Connect(t, ""), name, rules)
			e := newEngine(t, file, withProgram()) // removed before its rights
			e.client = client
			facts, err := e.Image(t.Context(), i.Ref, "")
			if err != nil {
				t.Fatal(err)
			}
			c, err := e.Start(t.Context(), target.Target{Image: i.Ref, Grace: time.Second}, facts, profile.Unrestricted())
			if err != nil {
				t.Fatal(err)
			}
			_, trace := c.Writes()
			if trace.On != (name == "all") || !trace.On && !strings.Contains(trace.Note, "patch pods/ephemeralcontainers in namespace") {
				t.Errorf("%+v", trace)
			}
			if err := c.Restart(t.Context()); err != nil {
				t.Errorf("restart: %v", err)
			}
			if _, err := c.Changes(t.Context()); err != nil {
				t.Errorf("changes: %v", err)
			}
			if _, err := c.Stop(t.Context()); err != nil {
				t.Errorf("stop: %v", err)
			}
		})
	}
}
