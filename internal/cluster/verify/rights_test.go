//go:build cluster

package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/cluster/kube"
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

// limited returns a client with these rights only.
func limited(t *testing.T, admin *kube.Client, name string, rules []rbacv1.PolicyRule) *kube.Client {
	t.Helper()
	name = fmt.Sprintf("podseal-test-%s-%d", name, os.Getpid())
	meta := metav1.ObjectMeta{Name: name}
	background := context.Background()
	api := admin.API
	namespace := &corev1.Namespace{ObjectMeta: meta}
	account := &corev1.ServiceAccount{ObjectMeta: meta}
	role := &rbacv1.ClusterRole{ObjectMeta: meta, Rules: rules}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: name, Namespace: name}},
	}
	_, errN := api.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{})
	_, errA := api.CoreV1().ServiceAccounts(name).Create(t.Context(), account, metav1.CreateOptions{})
	_, errR := api.RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{})
	_, errB := api.RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{})
	t.Cleanup(func() {
		_ = api.RbacV1().ClusterRoleBindings().Delete(background, name, metav1.DeleteOptions{})
		_ = api.RbacV1().ClusterRoles().Delete(background, name, metav1.DeleteOptions{})
		_ = api.CoreV1().Namespaces().Delete(background, name, metav1.DeleteOptions{})
	})
	token, errT := api.CoreV1().ServiceAccounts(name).CreateToken(t.Context(), name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err := errors.Join(errN, errA, errR, errB, errT); err != nil {
		t.Fatal(err)
	}
	config := rest.AnonymousClientConfig(admin.Config)
	config.BearerToken = token.Status.Token
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return &kube.Client{API: client, Config: config, Namespace: name}
}

// TestRights: the documented rights suffice, and each of the first ones is named where it is missing.
func TestRights(t *testing.T) {
	admin := connect(t, "")
	rules := documented(t)
	r := deployment(t, writes, containerSettings, mounts, podSettings)
	r.Target.Commands = []target.Command{inside("/app", "read:/data/x"), target.Shell(`exec 3<>/dev/tcp/$PODSEAL_HOST/$PODSEAL_PORT && head -c1 <&3 | grep -q .`, false)}
	r.Target.Commands[1].Argv[0] = "bash"
	res, err := Run(t.Context(), limited(t, admin, "all", rules), r)
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
		res, err := Run(t.Context(), limited(t, admin, strings.ReplaceAll(resource, "/", "-"), without(rules, resource)), r)
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
