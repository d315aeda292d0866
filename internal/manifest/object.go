package manifest

import (
	"cmp"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/yamledit"
)

// Object is an object without a pod that can be sealed, or with containers in addition to such pods.
type Object struct {
	Document   *yamledit.Document
	APIVersion string
	Kind       string
	Name       string
	Namespace  string
	Line       int
	Node       *yaml.Node
	// PodAt is the path at which the object seems to hold a pod, as --pod-path takes it; else empty.
	PodAt string
	// ContainerAt is the path at which the object seems to hold a container outside of a pod; else empty.
	ContainerAt string
	// Reason says why podseal does not seal the containers of a kind that it knows; else empty.
	Reason string
}

// Decode reads the object as the API server would, for example into a ConfigMap.
func (o Object) Decode(into any) error { return o.Document.Decode(o.Node, into) }

// String names the object for messages: "Workflow build".
func (o Object) String() string {
	if o.Name == "" {
		return o.Kind
	}
	return o.Kind + " " + o.Name
}

// Unsealed says which containers of the object are not sealed, why, and what to do. It is nil for an object that seems
// to have none.
func (o Object) Unsealed() error {
	at := cmp.Or(o.PodAt, o.ContainerAt)
	who := fmt.Sprintf("%s (%s)", o, o.APIVersion)
	switch {
	case o.Reason != "" && at != "":
		return o.Document.Fail(o.Node, "%s has containers at %s that are not sealed, because %s: seal their images with podseal run IMAGE", who, at, o.Reason)
	case o.Reason != "":
		return o.Document.Fail(o.Node, "%s has containers that are not sealed, because %s: seal their images with podseal run IMAGE", who, o.Reason)
	case o.PodAt != "":
		return o.Document.Fail(o.Node, "%s is not a kind that podseal knows, but it seems to have a pod: use --pod-path %s to seal it", who, o.PodAt)
	case o.ContainerAt != "":
		return o.Document.Fail(o.Node, "%s is not a kind that podseal knows, but it seems to have a container at %s: seal its image with podseal run IMAGE",
			who, o.ContainerAt)
	}
	return nil
}

// maxDepth bounds the search for pods in objects of unknown kinds.
const maxDepth = 12

// guess finds the first place below a node at which a pod, and at which a container outside of a pod, seems to be.
func guess(n *yaml.Node, at []yamledit.Step, depth int) (pod, container []yamledit.Step) {
	if depth == 0 {
		return nil, nil
	}
	child := func(c *yaml.Node, s yamledit.Step) {
		p, k := guess(c, append(at[:len(at):len(at)], s), depth-1)
		if pod == nil {
			pod = p
		}
		if container == nil {
			container = k
		}
	}
	switch n.Kind {
	case yaml.SequenceNode:
		for i, item := range n.Content {
			child(item, yamledit.Step{Index: i})
		}
	case yaml.MappingNode:
		if len(at) > 0 && looksLikePod(n) {
			return at, nil
		}
		if len(at) > 0 && looksLikeContainer(n) {
			return nil, at
		}
		for i := 0; i < len(n.Content); i += 2 {
			if yamledit.IsPathKey(n.Content[i]) {
				child(n.Content[i+1], yamledit.Step{Key: n.Content[i].Value})
			}
		}
	}
	return pod, container
}

// looksLikePod reports whether a mapping has a list of containers that have a name and an image.
func looksLikePod(n *yaml.Node) bool {
	_, c, ok := yamledit.Lookup(n, "containers")
	if !ok || c.Kind != yaml.SequenceNode || len(c.Content) == 0 {
		return false
	}
	first := yamledit.Target(c.Content[0])
	return has(first, "name") && has(first, "image")
}

// looksLikeContainer reports whether a mapping has an image, and something to run or a setting that only containers have.
func looksLikeContainer(n *yaml.Node) bool {
	_, image, ok := yamledit.Lookup(n, "image")
	if !ok || yamledit.Target(image).Kind != yaml.ScalarNode || yamledit.Target(image).Value == "" {
		return false
	}
	for _, key := range []string{"command", "args", "script", "env", "envFrom", "ports", "volumeMounts", "securityContext", "imagePullPolicy"} {
		if has(n, key) {
			return true
		}
	}
	return false
}

func has(n *yaml.Node, key string) bool {
	_, _, ok := yamledit.Lookup(n, key)
	return ok
}
