package deliver

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/emit"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/target"
)

// Network is what the runs of several pods showed about the connections between them.
type Network struct {
	pods []podEnd
	// Missing are targets that did not take part in the run, or whose runs ended early: rules about them may be missing.
	Missing []string
}

// podEnd is a pod as one end of connections.
type podEnd struct {
	aliases     []string // of its targets: their names for others
	peer        emit.PolicyPeer
	connections []observe.Connection
	services    map[string]target.Service // that its targets need, by name
	traced      bool
}

// NewNetwork returns the network of the pods of all inputs of a run.
func NewNetwork(inputs []Input) Network {
	var n Network
	for _, p := range sealedPods(inputs) {
		n.pods = append(n.pods, p.end())
	}
	return n
}

// end returns the pod as an end of connections.
func (p sealedPod) end() podEnd {
	e := podEnd{peer: emit.PolicyPeer{Labels: imageLabels(p.containers[0])}, services: map[string]target.Service{}, traced: true}
	if p.pod != nil {
		r := emit.ReachableOf(p.pod)
		e.peer = emit.PolicyPeer{Labels: r.Labels, Namespace: r.Namespace}
	}
	for _, c := range p.containers {
		if c.Outcome.Target.Alias != "" {
			e.aliases = append(e.aliases, c.Outcome.Target.Alias)
		}
		e.addServices(c.Outcome.Target.Needs)
		e.connections = observe.MergeConnections(e.connections, c.Outcome.Connections)
		e.traced = e.traced && c.Outcome.ConnectionsTraced
	}
	return e
}

func (e podEnd) addServices(needs []target.Service) {
	for _, s := range needs {
		e.services[s.Name] = s
		e.addServices(s.Target.Needs)
	}
}

// knowsPeers reports whether a target of the run had services: without any, its runs cannot show any connection between them.
func (n Network) knowsPeers() bool {
	return slices.ContainsFunc(n.pods, func(e podEnd) bool { return len(e.services) > 0 })
}

// egress returns the rules of what a pod may connect to. The result is not nil.
func (e podEnd) egress(n Network) []emit.PolicyRule {
	rules := ruleSet{}
	for _, c := range e.connections {
		port := emit.PolicyPort{Protocol: corev1.Protocol(strings.ToUpper(c.Protocol)), Port: c.Port}
		peer, open := n.peerOf(e, c)
		switch {
		case c.Peer == "" && c.Port == dnsPort, e.isProbe(c):
			continue
		case c.Peer != "" && slices.Contains(e.aliases, e.services[c.Peer].Of):
			continue // a pod may always connect to itself
		case open == "" && c.Protocol == "udp" && c.Outcome != observe.Allowed:
			open = fmt.Sprintf("service %s: a UDP socket got this peer, and nothing shows that it sent anything: uncomment the rule to admit it", c.Peer)
		}
		rules.add(peer, open, port)
	}
	return rules.sorted()
}

// dnsPort is the port of queries to resolvers, which every policy of egress admits.
const dnsPort = 53

// isProbe reports whether a connection is a resolver's: a UDP socket that got a peer and sent nothing, to learn which of
// the addresses of this machine leads there. TCP connects to the same port then, or the port is the one that discards everything.
func (e podEnd) isProbe(c observe.Connection) bool {
	const discard = 9
	return c.Protocol == "udp" && c.Outcome != observe.Allowed && (c.Port == discard || slices.ContainsFunc(e.connections, func(d observe.Connection) bool {
		return d.Protocol == "tcp" && d.Port == c.Port
	}))
}

// peerOf returns the other end of a connection, and why the user has to decide about it, if so.
func (n Network) peerOf(e podEnd, c observe.Connection) (peer emit.PolicyPeer, open string) {
	if c.Peer == "" {
		who := cmp.Or(c.Command, "a container of the pod")
		return emit.PolicyPeer{Address: c.Address}, fmt.Sprintf("%s connected to this address outside of the run in the phase %s: uncomment the rule to admit it", who, c.Phase)
	}
	s := e.services[c.Peer]
	if s.Of != "" {
		if at := slices.IndexFunc(n.pods, func(p podEnd) bool { return slices.Contains(p.aliases, s.Of) }); at >= 0 {
			return n.pods[at].peer, ""
		}
	}
	switch {
	case len(s.Labels) > 0:
		return emit.PolicyPeer{Labels: s.Labels}, ""
	case s.Of != "":
		return emit.PolicyPeer{Labels: map[string]string{nameLabel: s.Of}}, ""
	}
	return emit.PolicyPeer{Labels: map[string]string{nameLabel: c.Peer}},
		fmt.Sprintf("service %s is no target, and has no labels in podseal.yaml: correct those of the rule, and uncomment it", c.Peer)
}

// ingress returns the rules of who may connect to a pod: the pods that were seen connecting to it.
func (n Network) ingress(to podEnd) []emit.PolicyRule {
	rules := ruleSet{}
	for _, from := range n.pods {
		for _, c := range from.connections {
			of := from.services[c.Peer].Of
			if c.Peer == "" || of == "" || !slices.Contains(to.aliases, of) || slices.Contains(from.aliases, of) || from.isProbe(c) {
				continue
			}
			rules.add(from.peer, "", emit.PolicyPort{Protocol: corev1.Protocol(strings.ToUpper(c.Protocol)), Port: c.Port})
		}
	}
	return rules.sorted()
}

// notes say which rules may be missing.
func (n Network) notes(e podEnd) []string {
	var out []string
	if len(n.Missing) > 0 {
		out = append(out, "the run has nothing of "+strings.Join(n.Missing, ", ")+": rules about these targets may be missing")
	}
	if !slices.ContainsFunc(n.pods, func(p podEnd) bool { return !p.traced }) {
		return out
	}
	if !e.traced || n.knowsPeers() {
		out = append(out, "not all runs were traced: connections that had ended when podseal read the tables of sockets are missing")
	}
	return out
}

// ruleSet collects rules by peer and reason.
type ruleSet map[string]*emit.PolicyRule

func (s ruleSet) add(peer emit.PolicyPeer, open string, port emit.PolicyPort) {
	key := fmt.Sprint(peer.Address, "\x00", peer.Namespace, "\x00", labelText(peer.Labels), "\x00", open)
	if s[key] == nil {
		s[key] = &emit.PolicyRule{Peer: peer, Open: open}
	}
	if !slices.Contains(s[key].Ports, port) {
		s[key].Ports = append(s[key].Ports, port)
	}
}

func labelText(labels map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		out = append(out, k+"="+labels[k])
	}
	return strings.Join(out, ",")
}

// sorted returns the rules in a stable order. It is never nil.
func (s ruleSet) sorted() []emit.PolicyRule {
	out := []emit.PolicyRule{}
	for _, key := range slices.Sorted(maps.Keys(s)) {
		slices.SortFunc(s[key].Ports, func(a, b emit.PolicyPort) int {
			return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol))
		})
		out = append(out, *s[key])
	}
	return out
}
