// Package clustertest simulates a Kubernetes cluster in memory: an API server that a client of internal/cluster/kube talks to
// over its usual requests, and nodes that start, restart and stop pods after given times. All waiting uses the time
// package, so that tests can run it under testing/synctest.
//
// Its images have no programs: every command in a container is refused as by a runtime that finds no such file. Ports are
// not forwarded.
package clustertest

import (
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Options describe a cluster.
type Options struct {
	Nodes int
	// Pods is how many pods a node takes at a time.
	Pods int
	// Memory is what the pods of a node may request together, in bytes; 0 means no bound.
	Memory int64
	// Start is the time from a pod's node to its running containers, Restart that from a new image to the restarted
	// container, Stop that from a deletion to the end of the pod.
	Start, Restart, Stop func() time.Duration
	// Logs is what each container prints when it starts.
	Logs string
	// Refuse returns why a pod is refused; "" where it is not. Nil refuses none.
	Refuse func(pod *corev1.Pod) string
}

// Cluster is a simulated cluster. Its RoundTrip is the API server.
type Cluster struct {
	opts Options

	mu         sync.Mutex
	version    int64 // of the latest change
	nodes      []node
	namespaces map[string]bool
	pods       map[podName]*pod
	pending    []*pod // pods without a node, oldest first
	secrets    map[podName]bool
	watches    map[*stream]watched
	stats      Stats
}

// Stats is what happened in a cluster until now.
type Stats struct {
	// Requests counts the requests by verb and resource: "create pods".
	Requests map[string]int
	// Pods is the number of pods that were created, Most that of pods that had a node at one time.
	Pods, Most int
	// Queued is the number of pods that found no node at first.
	Queued int
	// Left is what exists now: namespaces and pods.
	Left []string

	running int
}

// node is the use of one node.
type node struct {
	pods   int
	memory int64
}

// New returns an empty cluster.
func New(o Options) *Cluster {
	return &Cluster{
		opts: o, nodes: make([]node, o.Nodes), namespaces: map[string]bool{}, pods: map[podName]*pod{}, secrets: map[podName]bool{},
		watches: map[*stream]watched{}, stats: Stats{Requests: map[string]int{}},
	}
}

// Stats returns what has happened until now.
func (c *Cluster) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.stats
	out.Requests = map[string]int{}
	for request, n := range c.stats.Requests {
		out.Requests[request] = n
	}
	for name := range c.namespaces {
		out.Left = append(out.Left, "namespace "+name)
	}
	for name := range c.pods {
		out.Left = append(out.Left, "pod "+name.namespace+"/"+name.name)
	}
	return out
}

// schedule gives nodes to the pods that wait, oldest first. The lock is held.
func (c *Cluster) schedule() {
	var still []*pod
	for _, p := range c.pending {
		if p.gone || !c.place(p) {
			still = append(still, p)
		}
	}
	c.pending = still[:len(still):len(still)]
}

// place binds a pod to the node with the fewest pods, and reports whether it fits on any. The lock is held.
func (c *Cluster) place(p *pod) bool {
	best := -1
	for i, n := range c.nodes {
		if n.pods < c.opts.Pods && (c.opts.Memory == 0 || n.memory+p.memory <= c.opts.Memory) && (best < 0 || n.pods < c.nodes[best].pods) {
			best = i
		}
	}
	if best < 0 {
		return false
	}
	c.nodes[best].pods++
	c.nodes[best].memory += p.memory
	p.node = best
	p.Spec.NodeName = "node-" + strconv.Itoa(best)
	c.stats.running++
	c.stats.Most = max(c.stats.Most, c.stats.running)
	return true
}

// release takes a pod from its node. The lock is held.
func (c *Cluster) release(p *pod) {
	if p.node < 0 {
		return
	}
	c.nodes[p.node].pods--
	c.nodes[p.node].memory -= p.memory
	p.node = -1
	c.stats.running--
}

// requested returns the memory that the containers of a pod request together.
func requested(spec corev1.PodSpec) int64 {
	var sum resource.Quantity
	for _, one := range spec.Containers {
		sum.Add(*one.Resources.Requests.Memory())
	}
	return sum.Value()
}
