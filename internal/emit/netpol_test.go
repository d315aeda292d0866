package emit

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/manifest"
)

const reachable = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, version: "7"}}
    spec:
      containers:
      - name: web
        image: web:1
        ports: [{containerPort: 53, protocol: UDP}, {containerPort: 9999}]
`

// The policy selects by what the controller selects by, and lets in what listened, and UDP as it is declared.
func TestNetworkPolicy(t *testing.T) {
	f, err := manifest.Parse("in.yaml", []byte(reachable), "")
	if err != nil {
		t.Fatal(err)
	}
	r := ReachableOf(f.Pods[0])
	r.Listening = []int{8080, 80, 80}
	out, err := NetworkPolicy(r)
	if err != nil {
		t.Fatal(err)
	}
	var got networkingv1.NetworkPolicy
	if err := yaml.UnmarshalStrict(out, &got); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tcp, udp := corev1.ProtocolTCP, corev1.ProtocolUDP
	port := func(n int) *intstr.IntOrString { v := intstr.FromInt32(int32(n)); return &v }
	want := networkingv1.NetworkPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
		ObjectMeta: metav1.ObjectMeta{Name: "web-ingress", Namespace: "shop"},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
			Ingress: []networkingv1.NetworkPolicyIngressRule{{Ports: []networkingv1.NetworkPolicyPort{
				{Protocol: &tcp, Port: port(80)}, {Protocol: &tcp, Port: port(8080)}, {Protocol: &udp, Port: port(53)},
			}}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !strings.Contains(string(out), "# ") || !strings.Contains(string(out), "egress stays unrestricted") {
		t.Errorf("the reason is missing:\n%s", out)
	}
}

// Without labels a policy would select every pod of the namespace.
func TestNetworkPolicyNeedsLabels(t *testing.T) {
	if _, err := NetworkPolicy(Reachable{Name: "web"}); err == nil || !strings.Contains(err.Error(), "no labels") {
		t.Errorf("got %v", err)
	}
}

// A namespace is labelled only if each of its pods is let in; one without a name gets a patch.
func TestPodSecurity(t *testing.T) {
	f, err := manifest.Parse("in.yaml", []byte(reachable+"---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: i}]}\n"), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := PodSecurity(SealedPods(f)); err == nil || !strings.Contains(err.Error(), "would keep Deployment web out") {
		t.Errorf("got %v", err)
	}
	edits, err := allEdits(f)
	if err != nil {
		t.Fatal(err)
	}
	sealed, _, err := Splice(f, edits)
	if err != nil {
		t.Fatal(err)
	}
	after, err := manifest.Parse("out.yaml", sealed, "")
	if err != nil {
		t.Fatal(err)
	}
	out, err := PodSecurity(SealedPods(after))
	if err != nil {
		t.Fatal(err)
	}
	docs := strings.Split(string(out), "---\n")
	if len(docs) != 2 || !strings.Contains(docs[0], "kubectl patch namespace NAME") {
		t.Fatalf("got\n%s", out)
	}
	var space corev1.Namespace
	if err := yaml.UnmarshalStrict([]byte(docs[1]), &space); err != nil {
		t.Fatal(err)
	}
	if space.Name != "shop" || space.Labels["pod-security.kubernetes.io/enforce"] != "restricted" || space.Labels["pod-security.kubernetes.io/enforce-version"] != podSecurityVersion {
		t.Errorf("got\n%s", docs[1])
	}
}

// The version in the labels is that of the evaluator which judged.
func TestPodSecurityVersion(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if want := "k8s.io/pod-security-admission v0" + strings.TrimPrefix(podSecurityVersion, "v1") + "."; !strings.Contains(string(mod), want) {
		t.Errorf("go.mod has no %s*: podSecurityVersion is another version than the evaluator's", want)
	}
}

// TestReachableLabels: the labels of the pod count where the selector does not select it.
func TestReachableLabels(t *testing.T) {
	for selector, want := range map[string]map[string]string{
		"{matchLabels: {app: web}}":               {"app": "web"},
		"{matchLabels: {app: other}}":             {"app": "web", "version": "7"},
		"{matchLabels: {app: web, tier: front}}":  {"app": "web", "version": "7"},
		"{matchLabels: {app: web, version: '7'}}": {"app": "web", "version": "7"},
		"{}": {"app": "web", "version": "7"},
	} {
		source := strings.Replace(reachable, "{matchLabels: {app: web}}", selector, 1)
		f, err := manifest.Parse("in.yaml", []byte(source), "")
		if err != nil {
			t.Fatal(err)
		}
		if got := ReachableOf(f.Pods[0]).Labels; !cmp.Equal(got, want) {
			t.Errorf("%s: %v, want %v", selector, got, want)
		}
	}
}

// TestReachableWhy names the ports that were seen, or says that there were none.
func TestReachableWhy(t *testing.T) {
	for want, ports := range map[string][]int{"nothing in the pod was seen listening": nil, "seen listening in the sealed run: 80, 53;": {80, 53}} {
		if got := (Reachable{Listening: ports}).Why(); !strings.Contains(got, want) {
			t.Errorf("%v: %s", ports, got)
		}
	}
}
