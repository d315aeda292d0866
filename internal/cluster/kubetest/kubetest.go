// Package kubetest is what tests do with a real Kubernetes cluster: that of KUBECONFIG. The command in PODSEAL_TEST_LOAD brings
// images to its nodes.
package kubetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/docker/dockertest"
)

// loadVariable names a command that reads an archive of docker save on stdin and brings its images to every node.
const loadVariable = "PODSEAL_TEST_LOAD"

// Connect returns the cluster, as a user who names a namespace; "" names that of the context. Without a cluster the test is
// skipped loudly, and fails in CI.
func Connect(t testing.TB, namespace string) *kube.Client {
	t.Helper()
	if os.Getenv("KUBECONFIG") == "" || os.Getenv(loadVariable) == "" {
		dockertest.Missing(t, "no cluster to test with: set KUBECONFIG and "+loadVariable+", or run make test-cluster")
	}
	flags := genericclioptions.NewConfigFlags(true)
	if namespace != "" {
		flags.Namespace = &namespace
	}
	c, err := kube.Connect(flags)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Load brings the images of an archive of docker save to the nodes.
func Load(archive []byte) error {
	cmd := exec.CommandContext(context.Background(), "sh", "-c", os.Getenv(loadVariable)) //nolint:gosec // the command is the tester's own
	cmd.Stdin = bytes.NewReader(archive)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("loading images into the cluster: %w: %s", err, out)
	}
	return nil
}

// Limited returns a client that has these rights only. Its namespace, account and roles have the name and the test's process
// in their names, and are removed at the end of the test.
func Limited(t testing.TB, admin *kube.Client, name string, rules []rbacv1.PolicyRule) *kube.Client {
	t.Helper()
	name = fmt.Sprintf("podseal-test-%s-%d", name, os.Getpid())
	meta, create := metav1.ObjectMeta{Name: name}, metav1.CreateOptions{}
	core, roles := admin.API.CoreV1(), admin.API.RbacV1()
	_, errN := core.Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: meta}, create)
	_, errA := core.ServiceAccounts(name).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: meta}, create)
	_, errR := roles.ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: meta, Rules: rules}, create)
	_, errB := roles.ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: name, Namespace: name}},
	}, create)
	t.Cleanup(func() {
		for _, remove := range []func(context.Context, string, metav1.DeleteOptions) error{
			roles.ClusterRoleBindings().Delete, roles.ClusterRoles().Delete, core.Namespaces().Delete,
		} {
			_ = remove(context.Background(), name, metav1.DeleteOptions{})
		}
	})
	token, errT := core.ServiceAccounts(name).CreateToken(t.Context(), name, &authenticationv1.TokenRequest{}, create)
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
