package doctor

import (
	"fmt"
	"strings"
)

// Cluster holds the facts of a Kubernetes cluster, as its user sees them.
type Cluster struct {
	Name, Version string
	Nodes         []Node
	// NodesDenied is why the nodes could not be listed; "" where they were.
	NodesDenied string
	// Denied are the rights that podseal verify needs and the user lacks, as RBAC names them.
	Denied []string
	// Tried is why no pod could be tried in a temporary namespace; "" where one was.
	Tried string
	// PodSecurity is set where a pod was refused that the level restricted forbids.
	PodSecurity bool
	// Sealed is why a sealed pod is not admitted; "" where it is.
	Sealed string
	// Traced is why a run on the cluster is not traced; "" where it is.
	Traced string
	// EmptyDirMode and BindMountOptions are set where the API server keeps these fields.
	EmptyDirMode, BindMountOptions bool
	// ImageVolumes is set where the version has image volumes that are generally available.
	ImageVolumes bool
	// StorageClass is the name of the default class; "" if there is none or the user may not list them.
	StorageClass string
}

// Node is one node of a cluster.
type Node struct {
	Name, Kubelet, Runtime, Platform string
	Ready, UserNamespaces            bool
	GroupsPolicy                     bool // supplementalGroupsPolicy: Strict works
}

// ForCluster returns the report on a cluster.
func ForCluster(c Cluster) Report {
	return Report{
		Version: reportVersion, Subject: fmt.Sprintf("Kubernetes %s at %s", c.Version, c.Name),
		Capabilities: []Capability{
			c.rights(), c.sealed(), c.podSecurity(), c.nodes(), c.userNamespaces(), c.groupsPolicy(), c.tracing(), c.lowPorts(),
			c.appArmor(), c.emptyDirMode(), c.bindMountOptions(), c.imageVolumes(), c.claims(),
		},
	}
}

func (c Cluster) rights() Capability {
	return Capability{
		ID: "rights", Name: "rights of the user", Has: is(len(c.Denied) == 0), Required: true, Detail: missingRights(c.Denied),
		Consequence: choose(len(c.Denied) == 0, "podseal verify can run", "podseal verify cannot run"),
		Remedy:      choose(len(c.Denied) == 0, "", "add the rights to the user's role: docs/verify.md lists them all"),
	}
}

func missingRights(denied []string) string {
	if len(denied) == 0 {
		return ""
	}
	return "missing: " + strings.Join(denied, ", ")
}

// tried returns a capability that a dry run shows; unknown where none was made.
func (c Cluster) tried(x Capability) Capability {
	if c.Tried != "" {
		x.Has, x.Detail, x.Consequence, x.Remedy, x.Required = Unknown, c.Tried, "no pod was tried", "", false
	}
	return x
}

func (c Cluster) sealed() Capability {
	return c.tried(Capability{
		ID: "sealed-pod", Name: "sealed pods", Has: is(c.Sealed == ""), Required: true, Detail: c.Sealed,
		Consequence: choose(c.Sealed == "", "a sealed pod is admitted, with the sysctl for low ports", "the cluster does not admit a sealed pod"),
		Remedy:      choose(c.Sealed == "", "", "ask who runs the cluster for an exception for podseal's namespaces (label podseal)"),
	})
}

func (c Cluster) podSecurity() Capability {
	return c.tried(Capability{
		ID: "pod-security", Name: "Pod Security", Has: is(c.PodSecurity),
		Consequence: choose(c.PodSecurity, "the level of a namespace is enforced, and podseal verify shows what it refuses",
			"a pod that the level restricted forbids is admitted all the same: nothing in the cluster keeps a seal"),
		Remedy: choose(c.PodSecurity, "", "enable the admission plugin PodSecurity"),
	})
}

func (c Cluster) nodes() Capability {
	x := Capability{ID: "nodes", Name: "ready nodes", Consequence: "pods run in parallel on these nodes"}
	ready := 0
	kinds := map[string]bool{}
	for _, n := range c.Nodes {
		if n.Ready {
			ready++
		}
		kinds[n.Platform+", kubelet "+n.Kubelet+", "+n.Runtime] = true
	}
	x.Has, x.Detail = is(ready > 0), fmt.Sprintf("%d of %d: %s", ready, len(c.Nodes), strings.Join(sorted(kinds), "; "))
	if ready == 0 {
		x.Consequence, x.Remedy = "no pod runs", "bring a node up"
	}
	return c.listed(x)
}

// listed returns a capability that the nodes show; unknown where they could not be listed.
func (c Cluster) listed(x Capability) Capability {
	if c.NodesDenied != "" {
		x.Has, x.Detail, x.Consequence, x.Remedy = Unknown, c.NodesDenied, "the nodes were not seen", ""
	}
	return x
}

func (c Cluster) userNamespaces() Capability {
	has := c.every(func(n Node) bool { return n.UserNamespaces })
	return c.listed(Capability{
		ID: "user-namespaces", Name: "user namespaces (hostUsers: false)", Has: is(has),
		Consequence: choose(has, "a pod that must be root can have hostUsers: false, which maps its users away from the node's",
			"a pod that must be root is root of the node: an exception of a seal weighs more"),
	})
}

func (c Cluster) groupsPolicy() Capability {
	has := c.every(func(n Node) bool { return n.GroupsPolicy })
	return c.listed(Capability{
		ID: "groups-policy", Name: "supplementalGroupsPolicy", Has: is(has),
		Consequence: choose(has, "a pod can leave out the groups of its image's /etc/group", "a pod always has the groups of its image's /etc/group"),
	})
}

// every reports whether there are nodes, and a condition holds for all of them.
func (c Cluster) every(holds func(Node) bool) bool {
	for _, n := range c.Nodes {
		if !holds(n) {
			return false
		}
	}
	return len(c.Nodes) > 0
}

func (c Cluster) tracing() Capability {
	return c.tried(Capability{
		ID: "tracing", Name: "tracing of writes", Has: is(c.Traced == ""), Detail: c.Traced,
		Consequence: choose(c.Traced == "", "podseal run --engine kubernetes sees each write with its process, also refused ones and files that were removed again",
			"podseal run --engine kubernetes learns from the container's files and the logs; files that were removed again are not seen"),
		Remedy: choose(c.Traced == "", "", "allow podseal's namespaces (label podseal) an ephemeral container with SYS_PTRACE (docs/cluster.md), or seal under Docker and confirm with podseal verify"),
	})
}

func (c Cluster) lowPorts() Capability {
	return c.tried(Capability{
		ID: "low-ports", Name: "sysctl for low ports", Has: is(c.Sealed == ""),
		Consequence: choose(c.Sealed == "", "net.ipv4.ip_unprivileged_port_start is admitted; whether a kubelet allows other sysctls is not shown by the API",
			"the sealed pod with this sysctl is not admitted"),
	})
}

func (c Cluster) appArmor() Capability {
	return Capability{
		ID: "apparmor", Name: "AppArmor", Has: Unknown, Detail: "the API does not show it",
		Consequence: "where a node has AppArmor, the runtime's profile is on: podseal verify runs under it",
	}
}
