//go:build cluster

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/cluster/kube"
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

// limited returns a client with these rights only.
func limited(t *testing.T, name string, rules []rbacv1.PolicyRule) *kube.Client {
	t.Helper()
	admin := connect(t)
	name = fmt.Sprintf("podseal-test-%s-%d", name, os.Getpid())
	meta := metav1.ObjectMeta{Name: name}
	create := metav1.CreateOptions{}
	_, errN := admin.API.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: meta}, create)
	_, errA := admin.API.CoreV1().ServiceAccounts(name).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: meta}, create)
	_, errR := admin.API.RbacV1().ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: meta, Rules: rules}, create)
	_, errB := admin.API.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: name, Namespace: name}},
	}, create)
	t.Cleanup(func() {
		for _, remove := range []func(context.Context, string, metav1.DeleteOptions) error{
			admin.API.RbacV1().ClusterRoleBindings().Delete, admin.API.RbacV1().ClusterRoles().Delete, admin.API.CoreV1().Namespaces().Delete,
		} {
			_ = remove(context.Background(), name, metav1.DeleteOptions{})
		}
	})
	token, errT := admin.API.CoreV1().ServiceAccounts(name).CreateToken(t.Context(), name, &authenticationv1.TokenRequest{}, create)
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
			client := limited(t, name, rules)
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
