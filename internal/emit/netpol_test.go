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
	f, err := manifest.Parse("in.yaml", []byte(reachable+"---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: i}], volumes: [{name: scratch}]}\n"), "")
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

// TestNetworkPolicyOfPeers writes rules in force, then those that the user has to decide about as comments, with the key of
// the list where no rule is in force. Pods of another namespace are selected by its name.
func TestNetworkPolicyOfPeers(t *testing.T) {
	ports := []PolicyPort{{corev1.ProtocolTCP, 80}}
	rule := func(app, namespace, open string) PolicyRule {
		return PolicyRule{Peer: PolicyPeer{Labels: map[string]string{"app": app}, Namespace: namespace}, Ports: ports, Open: open}
	}
	const head = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: web-ingress\n  namespace: shop\n" +
		"spec:\n  podSelector:\n    matchLabels:\n      app: web\n  policyTypes:\n  - Ingress\n"
	for _, c := range []struct {
		name, want string
		rules      []PolicyRule
	}{
		{"nobody", "", nil},
		{"pods of no and of the same namespace", "  ingress:\n" + inForce("a", "") + inForce("b", ""), []PolicyRule{rule("a", "", ""), rule("b", "shop", "")}},
		{"pods of another namespace", "  ingress:\n" + inForce("a", "ops"), []PolicyRule{rule("a", "ops", "")}},
		{
			"open after one in force", "  ingress:\n" + inForce("a", "") + "  # who?\n" + undecided(inForce("b", "")) + "  # and who?\n" + undecided(inForce("c", "")),
			[]PolicyRule{rule("b", "", "who?"), rule("a", "", ""), rule("c", "", "and who?")},
		},
		{
			"only open", "  # who?\n  # ingress:\n" + undecided(inForce("b", "")) + "  # and who?\n" + undecided(inForce("c", "")),
			[]PolicyRule{rule("b", "", "who?"), rule("c", "", "and who?")},
		},
	} {
		out, err := NetworkPolicy(Reachable{Name: "web", Namespace: "shop", Labels: map[string]string{"app": "web"}, Peers: true, Ingress: c.rules})
		if err != nil {
			t.Fatal(err)
		}
		_, got, _ := strings.Cut(string(out), "\n") // after the reason
		if diff := cmp.Diff(head+c.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", c.name, diff)
		}
	}
}

// inForce is a rule as an item of the spec's list.
func inForce(app, namespace string) string {
	peer := "  - from:\n    - podSelector:\n"
	if namespace != "" {
		peer = "  - from:\n    - namespaceSelector:\n        matchLabels:\n          kubernetes.io/metadata.name: " + namespace + "\n      podSelector:\n"
	}
	return peer + "        matchLabels:\n          app: " + app + "\n    ports:\n    - protocol: TCP\n      port: 80\n"
}

// undecided is a rule behind comment marks, in the column of the spec's fields.
func undecided(rule string) string {
	return "  # " + strings.TrimPrefix(strings.ReplaceAll(rule, "\n  ", "\n  # "), "  ")
}

// A pod that listens nowhere lets no one in; the policy of egress is written only where it is asked for.
func TestNetworkPolicyDirections(t *testing.T) {
	silent := Reachable{Name: "web", Labels: map[string]string{"app": "web"}}
	out, err := NetworkPolicy(silent)
	if err != nil || strings.Contains(string(out), "ingress:") || strings.Contains(string(out), "Egress") {
		t.Errorf("%v\n%s", err, out)
	}
	silent.Egress = []PolicyRule{}
	out, err = NetworkPolicy(silent)
	if err != nil || strings.Contains(string(out), "ingress:") || strings.Count(string(out), "  egress:\n") != 1 || !strings.Contains(string(out), "k8s-app: kube-dns") {
		t.Errorf("%v\n%s", err, out)
	}
}
