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

// Reachable is what a NetworkPolicy must let in to one pod.
type Reachable struct {
	Name, Namespace string
	Labels          map[string]string // of the pod
	Listening       []int             // TCP ports that were seen listening
	Declared        []corev1.ContainerPort
	Notes           []string // what the ports are not known from
}

// NetworkPolicy writes a policy that denies all traffic to a pod but for the ports on which it was seen listening. UDP
// cannot be seen: such ports are let in as declared. Egress is left alone: nothing showed where the pod sends to.
func NetworkPolicy(r Reachable) ([]byte, error) {
	if len(r.Labels) == 0 {
		return nil, fmt.Errorf("writing a NetworkPolicy for %s: its pod has no labels to select it by: give it some", r.Name)
	}
	var ports []any
	for _, p := range slices.Compact(slices.Sorted(slices.Values(r.Listening))) {
		ports = append(ports, tree.Object{{Key: "protocol", Value: "TCP"}, {Key: "port", Value: int64(p)}})
	}
	for _, p := range r.Declared {
		if p.Protocol == corev1.ProtocolUDP || p.Protocol == corev1.ProtocolSCTP {
			ports = append(ports, tree.Object{{Key: "protocol", Value: string(p.Protocol)}, {Key: "port", Value: int64(p.ContainerPort)}})
		}
	}
	spec := tree.Object{{Key: "podSelector", Value: tree.Object{{Key: "matchLabels", Value: tree.StringMap(r.Labels)}}}, {Key: "policyTypes", Value: []any{"Ingress"}}}
	if len(ports) > 0 {
		spec = append(spec, tree.Field{Key: "ingress", Value: []any{tree.Object{{Key: "ports", Value: ports}}}})
	}
	meta := tree.Object{{Key: "name", Value: podspec.Label(r.Name, "", "pod") + "-ingress"}}
	if r.Namespace != "" {
		meta = append(meta, tree.Field{Key: "namespace", Value: r.Namespace})
	}
	text := commented(append([]string{r.Why()}, r.Notes...))
	return append([]byte(text), yamledit.Text(tree.Object{
		{Key: "apiVersion", Value: "networking.k8s.io/v1"}, {Key: "kind", Value: "NetworkPolicy"}, {Key: "metadata", Value: meta}, {Key: "spec", Value: spec},
	})...), nil
}

// Why returns the reason for the policy, in one sentence.
func (r Reachable) Why() string {
	if len(r.Listening) == 0 {
		return "nothing in the pod was seen listening in the sealed run, so no TCP port is let in; egress is left alone: no run shows where a pod sends to"
	}
	ports := make([]string, len(r.Listening))
	for i, p := range r.Listening {
		ports[i] = fmt.Sprint(p)
	}
	return "the ports that were seen listening in the sealed run: " + strings.Join(ports, ", ") +
		"; egress is left alone: no run shows where a pod sends to"
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
