package emit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/tree"
	"github.com/podseal/podseal/internal/yamledit"
)

// Reachable is what network policies say about one pod.
type Reachable struct {
	Name, Namespace string
	Labels          map[string]string // of the pod
	Listening       []int             // TCP ports that were seen listening
	Declared        []corev1.ContainerPort
	Notes           []string // what the rules are not known from

	// Peers is set where runs showed the connections between pods: then Ingress has the rules.
	Peers   bool
	Ingress []PolicyRule
	// Egress is nil for no policy of egress. A policy always admits queries to the cluster's DNS.
	Egress []PolicyRule
}

// PolicyRule admits traffic from, or to, a peer at ports.
type PolicyRule struct {
	Peer  PolicyPeer
	Ports []PolicyPort
	// Open says why the rule is not in force: it is written as a comment that the user has to decide about. Empty for a rule
	// in force.
	Open string
}

// PolicyPeer is the other end of a rule: pods by their labels, or an address. The zero value is everyone.
type PolicyPeer struct {
	Labels    map[string]string
	Namespace string // of the pods; empty for that of the policy
	Address   string
}

// PolicyPort is a port of a rule.
type PolicyPort struct {
	Protocol corev1.Protocol
	Port     int
}

// NetworkPolicy writes the policies of a pod: one of its ingress and, if that is asked for, one of its egress.
//
// Without knowledge of peers, everyone may connect to the ports on which the pod was seen listening. UDP cannot be seen
// then: such ports are let in as declared.
func NetworkPolicy(r Reachable) ([]byte, error) {
	if len(r.Labels) == 0 {
		return nil, fmt.Errorf("writing a NetworkPolicy for %s: its pod has no labels to select it by: give it some", r.Name)
	}
	ingress := r.Ingress
	if !r.Peers {
		if ports := r.served(); len(ports) > 0 {
			ingress = []PolicyRule{{Ports: ports}}
		}
	}
	out := r.policy("Ingress", "from", append([]string{r.Why()}, r.Notes...), ingress)
	if r.Egress == nil {
		return out, nil
	}
	why := []string{"where the containers of the pod were seen connecting to, and the cluster's DNS; nothing else is let out", "DNS: change the rule on clusters whose DNS has other labels or ports (OpenShift), or answers on an address of the node (NodeLocal DNSCache)"}
	return Join([][]byte{out, r.policy("Egress", "to", append(why, r.Notes...), append([]PolicyRule{dnsRule()}, r.Egress...))}), nil
}

// dnsRule admits queries to the pods that answer them in most clusters, CoreDNS and kube-dns.
func dnsRule() PolicyRule {
	return PolicyRule{
		Peer:  PolicyPeer{Labels: map[string]string{"k8s-app": "kube-dns"}, Namespace: "kube-system"},
		Ports: []PolicyPort{{corev1.ProtocolUDP, 53}, {corev1.ProtocolTCP, 53}},
	}
}

// served returns the ports that the pod serves, as far as that was seen or is declared.
func (r Reachable) served() []PolicyPort {
	var ports []PolicyPort
	for _, p := range slices.Compact(slices.Sorted(slices.Values(r.Listening))) {
		ports = append(ports, PolicyPort{corev1.ProtocolTCP, p})
	}
	for _, p := range r.Declared {
		if p.Protocol == corev1.ProtocolUDP || p.Protocol == corev1.ProtocolSCTP {
			ports = append(ports, PolicyPort{p.Protocol, int(p.ContainerPort)})
		}
	}
	return ports
}

// Unreached returns the served ports that no rule of ingress is about.
func (r Reachable) Unreached() []PolicyPort {
	return slices.DeleteFunc(r.served(), func(p PolicyPort) bool {
		return slices.ContainsFunc(r.Ingress, func(rule PolicyRule) bool { return slices.Contains(rule.Ports, p) })
	})
}

// policy writes the policy of one direction, with the rules that are not in force as comments behind the others.
func (r Reachable) policy(direction, side string, why []string, rules []PolicyRule) []byte {
	var inForce, open []PolicyRule
	for _, rule := range rules {
		if rule.Open == "" {
			inForce = append(inForce, rule)
		} else {
			open = append(open, rule)
		}
	}
	spec := tree.Object{
		{Key: "podSelector", Value: tree.Object{{Key: "matchLabels", Value: tree.StringMap(r.Labels)}}}, {Key: "policyTypes", Value: []any{direction}},
	}
	key := strings.ToLower(direction)
	if len(inForce) > 0 {
		spec = append(spec, tree.Field{Key: key, Value: r.items(side, inForce)})
	}
	meta := tree.Object{{Key: "name", Value: podspec.Label(r.Name, "", "pod") + "-" + key}}
	if r.Namespace != "" {
		meta = append(meta, tree.Field{Key: "namespace", Value: r.Namespace})
	}
	out := append([]byte(commented(why)), yamledit.Text(tree.Object{
		{Key: "apiVersion", Value: "networking.k8s.io/v1"}, {Key: "kind", Value: "NetworkPolicy"}, {Key: "metadata", Value: meta}, {Key: "spec", Value: spec},
	})...)
	return append(out, r.undecided(key, side, len(inForce) == 0, open)...)
}

// undecided writes the rules that are not in force as comments, indented as the rules of the spec are. Without "# " at the
// start of its lines, each is a rule.
func (r Reachable) undecided(key, side string, first bool, rules []PolicyRule) []byte {
	var out strings.Builder
	for _, rule := range rules {
		fmt.Fprintf(&out, "  # %s\n", comment(rule.Open))
		text := string(yamledit.Text(tree.Object{{Key: key, Value: r.items(side, []PolicyRule{rule})}}))
		head, items, _ := strings.Cut(text, "\n")
		if first {
			out.WriteString("  # " + head + "\n")
			first = false
		}
		for line := range strings.Lines(items) {
			out.WriteString("  # " + line)
		}
	}
	return []byte(out.String())
}

// items returns rules as items of a list of the API.
func (r Reachable) items(side string, rules []PolicyRule) []any {
	var out []any
	for _, rule := range rules {
		var item tree.Object
		if peer := rule.Peer.selector(r.Namespace); len(peer) > 0 {
			item = append(item, tree.Field{Key: side, Value: []any{peer}})
		}
		var ports []any
		for _, p := range rule.Ports {
			ports = append(ports, tree.Object{{Key: "protocol", Value: string(p.Protocol)}, {Key: "port", Value: int64(p.Port)}})
		}
		out = append(out, append(item, tree.Field{Key: "ports", Value: ports}))
	}
	return out
}

// namespaceLabel is the label that a cluster gives each namespace, with its name.
const namespaceLabel = "kubernetes.io/metadata.name"

// selector returns the peer in the form of the API, for a policy in a namespace.
func (p PolicyPeer) selector(namespace string) tree.Object {
	if p.Address != "" {
		length := "/32"
		if strings.Contains(p.Address, ":") {
			length = "/128"
		}
		return tree.Object{{Key: "ipBlock", Value: tree.Object{{Key: "cidr", Value: p.Address + length}}}}
	}
	if p.Labels == nil {
		return nil
	}
	var out tree.Object
	if p.Namespace != "" && p.Namespace != namespace {
		out = append(out, tree.Field{Key: "namespaceSelector", Value: tree.Object{{Key: "matchLabels", Value: tree.Object{{Key: namespaceLabel, Value: p.Namespace}}}}})
	}
	return append(out, tree.Field{Key: "podSelector", Value: tree.Object{{Key: "matchLabels", Value: tree.StringMap(p.Labels)}}})
}

// Why returns the reason for the policy of ingress, in one sentence.
func (r Reachable) Why() string {
	egress := "; egress stays unrestricted: --egress writes a policy for it"
	if r.Egress != nil {
		egress = ""
	}
	switch {
	case r.Peers:
		return "only the targets that connected to the pod in the runs are let in" + egress
	case len(r.Listening) == 0:
		return "nothing in the pod was seen listening in the sealed run, so no TCP port is let in" + egress
	}
	ports := make([]string, len(r.Listening))
	for i, p := range r.Listening {
		ports[i] = fmt.Sprint(p)
	}
	return "the ports that were seen listening in the sealed run: " + strings.Join(ports, ", ") + egress
}

// ReachableOf returns what a policy must let in to a pod of a manifest. Its controller's selector is what selects it for good, else its labels.
func ReachableOf(pod *manifest.Pod) Reachable {
	r := Reachable{Name: pod.Name, Namespace: pod.Namespace, Labels: pod.Meta.Labels}
	if own := pod.Selector(); len(own) > 0 && within(own, pod.Meta.Labels) {
		r.Labels = own
	}
	for _, c := range pod.Containers {
		r.Declared = append(r.Declared, c.Ports...)
	}
	slices.SortStableFunc(r.Declared, func(a, b corev1.ContainerPort) int { return cmp.Compare(a.ContainerPort, b.ContainerPort) })
	return r
}

func within(some, all map[string]string) bool {
	for _, k := range slices.Collect(maps.Keys(some)) {
		if v, ok := all[k]; !ok || v != some[k] {
			return false
		}
	}
	return true
}
