package deliver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/target"
)

const api = `apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: pay}
spec:
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api, version: "7"}}
    spec:
      containers:
      - name: api
        image: api:1
        ports: [{containerPort: 9999, protocol: UDP}]
`

func to(peer, protocol, address string, port int, outcome observe.Outcome) observe.Connection {
	return observe.Connection{
		Protocol: protocol, Address: address, Port: port, Peer: peer, Phase: observe.E2E, Outcome: outcome, PID: 1, Command: "app",
	}
}

// shop returns a shop of three targets: web needs api and a cache, both need services that are no targets, and job needs
// nothing.
func shop(t *testing.T) (web, back, job Input) {
	t.Helper()
	db := target.Service{Name: "db"}
	cache := target.Service{Name: "cache", Labels: map[string]string{"app": "redis"}}
	web, back = sealedFile(t, "web.yaml", deployment), sealedFile(t, "api.yaml", api)
	o := &web.Containers[0].Outcome
	o.Target.Alias, o.ConnectionsTraced = "web", true
	o.Target.Needs = []target.Service{{Name: "api", Of: "api", Target: target.Target{Needs: []target.Service{db}}}, cache, {Name: "batch", Of: "batch", Target: target.Target{Image: "shop/batch:2"}}}
	o.Connections = []observe.Connection{
		to("api", "tcp", "172.18.0.3", 8080, observe.Allowed), to("api", "udp", "172.18.0.3", 8080, observe.Unknown),
		to("cache", "tcp", "172.18.0.4", 6379, observe.Unknown), to("batch", "tcp", "172.18.0.5", 7000, observe.Allowed),
		to("", "tcp", "93.184.216.34", 443, observe.Allowed), to("", "tcp", "93.184.216.34", 80, observe.Unknown),
		to("", "udp", "10.0.0.10", 53, observe.Allowed), to("", "udp", "198.51.100.1", 9, observe.Unknown),
	}
	o = &back.Containers[0].Outcome
	o.Target.Alias, o.Target.Needs, o.ConnectionsTraced, o.Listening = "api", []target.Service{db}, true, []int{8080, 9090}
	o.Connections = []observe.Connection{
		to("db", "tcp", "172.19.0.2", 5432, observe.Allowed), to("db", "udp", "172.19.0.2", 8125, observe.Unknown),
		to("", "tcp", "2001:db8::1", 443, observe.Allowed),
	}
	job = Input{Containers: []Container{{Outcome: provedOutcome("registry.example.com/job:1")}}}
	job.Containers[0].Outcome.Target.Alias, job.Containers[0].Outcome.ConnectionsTraced = "job", true
	return web, back, job
}

// policies returns the policies of one input in the network of all.
func policies(t *testing.T, n Network, in Input, egress bool) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	o := Options{Format: config.FormatYAML, NetworkPolicy: file, Egress: egress}
	places, err := o.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer places.Close()
	made, err := o.WritePolicies(n, []Input{in}, places)
	if err != nil || made.File != file || made.Kind != "NetworkPolicy" {
		t.Fatalf("%+v, %v", made, err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPoliciesWithPeers: each target admits those that were seen connecting, and reaches those that it was seen connecting
// to; what the run cannot decide is a comment.
func TestPoliciesWithPeers(t *testing.T) {
	web, back, job := shop(t)
	n := NewNetwork([]Input{web, back, job})
	for name, in := range map[string]Input{"web": web, "api": back, "job": job} {
		text := policies(t, n, in, true)
		golden.File(t, filepath.Join("testdata", "policies", name+".yaml"), []byte(text))
		checkPolicies(t, text)
		checkPolicies(t, decided(text))
	}
	n.Missing = []string{"admin", "batch"}
	if text := policies(t, n, back, false); strings.Contains(text, "api-egress") || !strings.Contains(text, "# the run has nothing of admin, batch: rules about these targets may be missing\n") {
		t.Errorf("got\n%s", text)
	}
}

// decided removes the marks of the rules that a user has to decide about.
func decided(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "  # "); ok {
			if !strings.HasPrefix(rest, "- ") && !strings.HasPrefix(rest, " ") && !strings.HasPrefix(rest, "ingress:") && !strings.HasPrefix(rest, "egress:") {
				continue // the reason
			}
			line = "  " + rest
		}
		out = append(out, line)
	}
	return strings.Join(out, "")
}

// checkPolicies makes sure that the API takes each document, field by field.
func checkPolicies(t *testing.T, text string) {
	t.Helper()
	for _, doc := range strings.Split(text, "---\n") {
		var p networkingv1.NetworkPolicy
		if err := yaml.UnmarshalStrict([]byte(doc), &p); err != nil {
			t.Errorf("%v:\n%s", err, doc)
			continue
		}
		for _, rule := range p.Spec.Egress {
			if len(rule.To) == 0 || len(rule.Ports) == 0 {
				t.Errorf("a rule lets everything out:\n%s", doc)
			}
		}
		if len(p.Spec.PolicyTypes) != 1 || len(p.Spec.PodSelector.MatchLabels) == 0 {
			t.Errorf("got\n%s", doc)
		}
	}
}

// TestPoliciesWithoutPeers: runs without services show no peers. Ingress is as the ports say, and egress has what was seen.
func TestPoliciesWithoutPeers(t *testing.T) {
	in := sealedFile(t, "web.yaml", deployment)
	in.Containers[0].Outcome.Connections = []observe.Connection{to("", "tcp", "93.184.216.34", 443, observe.Allowed)}
	n := NewNetwork([]Input{in})
	text := policies(t, n, in, false)
	if !strings.Contains(text, "  ingress:\n  - ports:\n    - protocol: TCP\n      port: 8080\n") || strings.Contains(text, "Egress") || strings.Contains(text, "traced") {
		t.Errorf("got\n%s", text)
	}
	text = policies(t, n, in, true)
	golden.File(t, filepath.Join("testdata", "policies", "alone.yaml"), []byte(text))
	checkPolicies(t, text)
	checkPolicies(t, decided(text))
}

// TestEgressNeedsAFile: the flag adds to a file.
func TestEgressNeedsAFile(t *testing.T) {
	if err := (Options{Format: config.FormatYAML, Egress: true}).Check(Shape{}); err == nil || !strings.Contains(err.Error(), "--network-policy") {
		t.Errorf("got %v", err)
	}
}
