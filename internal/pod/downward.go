package pod

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/target"
)

// Stand-ins for what only a cluster knows of a pod.
const (
	standInUID  = "00000000-0000-4000-8000-000000000001"
	standInNode = "node"
	standInHost = "127.0.0.1" // a connection to the node's agents is refused at once, and does not wait
)

// podName returns the name that the pod might have in a cluster.
func podName(p *manifest.Pod) string {
	name := strings.Trim(p.Name, "-.")
	switch {
	case name == "":
		return "pod"
	case p.Kind == "Pod" && name == p.Name:
		return name
	case p.Kind == "StatefulSet":
		return name + "-0"
	}
	return name + "-podseal"
}

// passing reports whether a controller gives each pod another name, and the pod itself asks for none.
func passing(p *manifest.Pod) bool {
	own := p.Spec.Hostname != "" || p.Spec.HostnameOverride != nil && *p.Spec.HostnameOverride != ""
	return !own && podName(p) != p.Name
}

// hostname returns the pod's hostname: its name, or the one that it asks for, cut as a kubelet does.
func hostname(p *manifest.Pod) string {
	name := cmp.Or(p.Spec.Hostname, podName(p))
	if p.Spec.HostnameOverride != nil {
		name = cmp.Or(*p.Spec.HostnameOverride, name)
	}
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	return cmp.Or(strings.Trim(name[:min(len(name), 63)], "-."), "pod")
}

// field returns a field of the pod for a variable.
func (r *source) field(path string) (value string, known bool) {
	if value, known = r.metadata(path); known {
		return value, true
	}
	s := r.pod.Spec
	switch path {
	case "spec.nodeName":
		r.unsupported.add("the pod's node has a name that stands for it (" + standInNode + ")")
		return cmp.Or(s.NodeName, standInNode), true
	case "spec.serviceAccountName":
		return cmp.Or(s.ServiceAccountName, s.DeprecatedServiceAccount, "default"), true
	case "status.podIP", "status.podIPs":
		return target.PodIP, true
	case "status.hostIP", "status.hostIPs":
		r.unsupported.add("the pod's node has an address that stands for it (" + standInHost + "): nothing of the node answers there")
		return standInHost, true
	}
	return "", false
}

// fieldFile returns a field of the pod for a file. A file can have all labels, but no field that is known only after the
// start.
func (r *source) fieldFile(path string) (value string, known bool) {
	switch path {
	case "metadata.labels":
		return formatMap(r.labels()), true
	case "metadata.annotations":
		return formatMap(r.pod.Meta.Annotations), true
	}
	return r.metadata(path)
}

// metadata returns a field that both variables and files can have.
func (r *source) metadata(path string) (value string, known bool) {
	p := r.pod
	if base, key, ok := subscript(path); ok {
		switch base {
		case "metadata.labels":
			return r.labels()[key], true
		case "metadata.annotations":
			return p.Meta.Annotations[key], true
		}
		return "", false
	}
	switch path {
	case "metadata.name":
		return podName(p), true
	case "metadata.namespace":
		return cmp.Or(p.Namespace, "default"), true
	case "metadata.uid":
		return standInUID, true
	}
	return "", false
}

// labels returns the pod's labels, with those that a controller adds and programs read.
func (r *source) labels() map[string]string {
	labels := maps.Clone(r.pod.Meta.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	if r.pod.Kind == "StatefulSet" {
		labels["apps.kubernetes.io/pod-index"] = "0"
		labels["statefulset.kubernetes.io/pod-name"] = podName(r.pod)
	}
	return labels
}

// subscript splits metadata.labels['key'].
func subscript(path string) (base, key string, ok bool) {
	base, rest, found := strings.Cut(path, "['")
	if !found || !strings.HasSuffix(rest, "']") || base == "" {
		return "", "", false
	}
	return base, strings.TrimSuffix(rest, "']"), true
}

// formatMap writes labels as a downwardAPI volume has them.
func formatMap(m map[string]string) string {
	var lines []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		lines = append(lines, fmt.Sprintf("%s=%q", k, m[k]))
	}
	return strings.Join(lines, "\n")
}

// nodeHas stands for what a node can give to a container without a limit.
func nodeHas() corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("2"),
		corev1.ResourceMemory:           resource.MustParse("4Gi"),
		corev1.ResourceEphemeralStorage: resource.MustParse("20Gi"),
	}
}

// resource returns a request or limit of a container for the downward API.
func (r *source) resource(ref corev1.ResourceFieldSelector, own manifest.Container) (string, error) {
	c := own
	if ref.ContainerName != "" {
		var ok bool
		if c, ok = r.pod.Container(ref.ContainerName); !ok {
			return "", fmt.Errorf("there is no container %q", ref.ContainerName)
		}
	} else if own.Node == nil {
		return "", errors.New("resourceFieldRef of a volume names no container")
	}
	which, name, _ := strings.Cut(ref.Resource, ".")
	list := map[string]corev1.ResourceList{"limits": c.Resources.Limits, "requests": c.Resources.Requests}[which]
	key := corev1.ResourceName(name)
	stand, known := nodeHas()[key]
	if which != "limits" && which != "requests" || !known && !strings.HasPrefix(name, corev1.ResourceHugePagesPrefix) {
		return "", fmt.Errorf("no pod can have the resource %q in a variable or a file", ref.Resource)
	}
	q, has := list[key]
	if !has && which == "limits" && known {
		q = stand
		r.unsupported.add(fmt.Sprintf("the limit of %s that the container reads is a stand-in for its node's (%s)", name, stand.String()), memberName(c))
	}
	return inUnits(q, ref.Divisor, key == corev1.ResourceCPU), nil
}

// inUnits counts a quantity in units of a divisor, rounded up.
func inUnits(q, divisor resource.Quantity, milli bool) string {
	n, d := float64(q.Value()), float64(divisor.Value())
	if divisor.Sign() <= 0 {
		d = 1
	}
	if milli {
		n = float64(q.MilliValue())
		if d = float64(divisor.MilliValue()); divisor.Sign() <= 0 {
			d = 1000
		}
	}
	return strconv.FormatFloat(math.Ceil(n/d), 'f', 0, 64)
}
