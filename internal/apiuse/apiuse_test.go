package apiuse

import (
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/target"
)

// TestPhrases has one line of a real client for each phrase, and lines that are no sign.
func TestPhrases(t *testing.T) {
	lines := map[string]string{
		"I0101 Using in-cluster configuration":                                                           "in-cluster",
		"using inClusterConfig, none given":                                                              "inCluster",
		"open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file":                         tokenPath,
		"env KUBERNETES_SERVICE_HOST is not set":                                                         "KUBERNETES_SERVICE_HOST",
		"dial tcp: lookup kubernetes.default.svc: no such host":                                          "kubernetes.default.svc",
		"error: no configuration has been provided: --kubeconfig or $KUBERNETES_MASTER must be given\n":  "kubeconfig",
		"deployed to Kubernetes, cluster health green, service account of the database created for shop": "",
	}
	for line, want := range lines {
		got := InRun("open run", observe.Observation{Logs: line})
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	for _, p := range phrases {
		if p.source == "" {
			t.Errorf("%s has no source", p.pattern)
		}
	}
}

func TestInRunByPath(t *testing.T) {
	o := observe.Observation{Writes: []observe.Write{{Path: "/tmp/x"}, {Path: "/run/" + tokenPath + "/token"}}}
	if got := InRun("sealed run 1", o); got != "/run/"+tokenPath+"/token was touched in the sealed run 1" {
		t.Errorf("got %q", got)
	}
}

func TestInTarget(t *testing.T) {
	for want, in := range map[string]target.Target{
		"":                    {Args: []string{"serve"}, Env: []target.EnvVar{{Name: "MODE", Value: "kubeconfig"}}},
		"variable KUBECONFIG": {Env: []target.EnvVar{{Name: "KUBECONFIG", Value: "/x"}}},
		"command says":        {Args: []string{"--kubeconfig=/x"}},
	} {
		if got := InTarget(in); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestInPod(t *testing.T) {
	const head = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: c, image: x}]\n"
	for volumes, want := range map[string]string{
		"": "",
		"  volumes: [{name: v, projected: {sources: [{configMap: {name: c}}]}}]\n":               "",
		"  volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: token}}]}}]\n": "volume v holds a service account token",
	} {
		f, err := manifest.Parse("p.yaml", []byte(head+volumes), "")
		if err != nil {
			t.Fatal(err)
		}
		if got := InPod(f.Pods[0]); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q: got %q, want %q", volumes, got, want)
		}
	}
	if got := InPod(nil); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestInRoles(t *testing.T) {
	const head = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\nsubjects:\n"
	for subjects, want := range map[string]bool{
		"- {kind: ServiceAccount, name: default, namespace: shop}\n":  true,
		"- {kind: ServiceAccount, name: default}\n":                   true,
		"- {kind: Group, name: 'system:serviceaccounts:shop'}\n":      true,
		"- {kind: ServiceAccount, name: default, namespace: other}\n": false,
		"- {kind: ServiceAccount, name: web, namespace: shop}\n":      false,
		"- {kind: User, name: default}\n":                             false,
		"- 7\n":                                                       false,
	} {
		f, err := manifest.Parse("b.yaml", []byte(head+subjects), "")
		if err != nil {
			t.Fatal(err)
		}
		if got := InRoles([]*manifest.File{f}, "shop"); (got != "") != want {
			t.Errorf("%q: got %q", subjects, got)
		}
	}
}
