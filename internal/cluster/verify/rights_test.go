//go:build cluster

package verify

import (
	"errors"
	"os"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/cluster/kubetest"
	"github.com/podseal/podseal/internal/target"
)

// documented returns the rules that docs/verify.md lists.
func documented(t *testing.T) []rbacv1.PolicyRule {
	t.Helper()
	page, err := os.ReadFile("../../../docs/verify.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rights, _ := strings.Cut(string(page), "## Rights\n\n")
	block, _, _ := strings.Cut(rights, "\n\n")
	var role struct {
		Rules []rbacv1.PolicyRule `json:"rules"`
	}
	if err := yaml.UnmarshalStrict([]byte(block), &role); err != nil || len(role.Rules) == 0 {
		t.Fatalf("no rules in the page: %v", err)
	}
	return role.Rules
}

// TestRights: the documented rights suffice, and each of the first ones is named where it is missing.
func TestRights(t *testing.T) {
	admin := kubetest.Connect(t, "")
	rules := documented(t)
	r := deployment(t, writes, containerSettings, mounts, podSettings)
	r.Target.Commands = []target.Command{inside("/app", "read:/data/x"), target.Shell(`exec 3<>/dev/tcp/$PODSEAL_HOST/$PODSEAL_PORT && head -c1 <&3 | grep -q .`, false)}
	r.Target.Commands[1].Argv[0] = "bash"
	res, err := Run(t.Context(), kubetest.Limited(t, admin, "all", rules), r)
	if err != nil || res.Verdict != Agreed {
		t.Fatalf("with the documented rights: %+v, %v", res, err)
	}
	for _, n := range res.Notes {
		t.Errorf("a note that a right would have spared: %s", n)
	}
	for resource, want := range map[string]string{
		"namespaces": "create namespaces", "pods": "create pods", "configmaps": "create configmaps",
		"deployments": "create deployments of apps", "pods/exec": "create pods/exec", "pods/portforward": "create pods/portforward",
	} {
		res, err := Run(t.Context(), kubetest.Limited(t, admin, strings.ReplaceAll(resource, "/", "-"), without(rules, resource)), r)
		refusal := new(kube.Refusal)
		if !errors.As(err, &refusal) || refusal.Kind != kube.NotPermitted || !strings.Contains(err.Error(), want) {
			t.Errorf("without %s: %v, %+v", resource, err, res)
		}
		if res.Namespace != "" {
			gone(t, admin, res.Namespace)
		}
	}
}

// without returns the rules without a resource.
func without(rules []rbacv1.PolicyRule, resource string) []rbacv1.PolicyRule {
	var out []rbacv1.PolicyRule
	for _, r := range rules {
		r = *r.DeepCopy()
		var left []string
		for _, name := range r.Resources {
			if name != resource {
				left = append(left, name)
			}
		}
		if r.Resources = left; len(left) > 0 {
			out = append(out, r)
		}
	}
	return out
}
