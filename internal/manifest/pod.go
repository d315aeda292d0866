package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/json" // tells "containers" from "Containers", as the API server does
)

// Pod is one pod of a file: the object that holds it, and its spec as values and as nodes.
type Pod struct {
	Document   *Document
	APIVersion string
	Kind       string
	Name       string
	Namespace  string
	Path       string // from the document to the pod's spec: "spec.template.spec", "items[2].spec"
	Within     string // from the document to the object: "" where the document is the object, else "items[2]."
	Line       int    // of the object

	Meta       metav1.ObjectMeta // of the pod or its template
	Spec       corev1.PodSpec
	Containers []Container // the init containers first, each in its order
	object     *yaml.Node
	Claims     []string // the names of a StatefulSet's claim templates, which volumes must not have

	Node *yaml.Node // the pod's spec
}

// Seed tells whether this is an init container that a seal brought, to fill a mount of another container.
func (c Container) Seed() bool {
	if !c.Init || !strings.HasPrefix(c.Name, SeedPrefix) {
		return false
	}
	for _, m := range c.VolumeMounts {
		if m.MountPath == "/seed" || m.MountPath == "/podseal-seed" {
			return true
		}
	}
	return false
}

// SeedPrefix starts the names of the init containers that a seal brings.
const SeedPrefix = "seed-"

// Container is one container of a pod.
type Container struct {
	corev1.Container
	Init  bool
	Index int // in containers or initContainers
	Line  int
	Node  *yaml.Node
}

// List is the pod's list in which the container stands.
func (c Container) List() string {
	if c.Init {
		return "initContainers"
	}
	return "containers"
}

// Knative tells whether the pod's fields are limited to those that Knative passes on.
func (p *Pod) Knative() bool { return groupOf(p.APIVersion) == knativeGroup }

// String names the pod for messages: "Deployment web".
func (p *Pod) String() string {
	if p.Name == "" {
		return p.Kind
	}
	return p.Kind + " " + p.Name
}

// header is what every object has.
type header struct{ apiVersion, kind, name, namespace string }

// readHeader takes only what it needs, so that an object with odd labels is still named.
func readHeader(object *yaml.Node) header {
	text := func(n *yaml.Node, key string) string {
		if _, v, ok := Lookup(n, key); ok {
			return target(v).Value
		}
		return ""
	}
	h := header{apiVersion: text(object, "apiVersion"), kind: text(object, "kind")}
	if _, meta, ok := Lookup(object, "metadata"); ok {
		meta = target(meta)
		h.name, h.namespace = cmp.Or(text(meta, "name"), text(meta, "generateName")), text(meta, "namespace")
	}
	return h
}

// target follows an alias.
func target(n *yaml.Node) *yaml.Node {
	for range 100 {
		if n == nil || n.Kind != yaml.AliasNode || n.Alias == nil {
			break
		}
		n = n.Alias
	}
	return n
}

// Step is one part of a path into a document: a key, or an index where Key is empty.
type Step struct {
	Key   string
	Index int
}

// BuiltIn tells whether the object is of a kind of Kubernetes' own, for which the API server knows how lists are merged.
func (p *Pod) BuiltIn() bool {
	return slices.Contains([]string{"", "apps", "batch"}, groupOf(p.APIVersion))
}

// Selector are the labels by which a controller selects its pods; nil where it has none, or not only labels.
func (p *Pod) Selector() map[string]string {
	selector, ok := walk(p.object, []Step{{Key: "spec"}, {Key: "selector"}})
	if !ok {
		return nil
	}
	if match, ok := walk(selector, []Step{{Key: "matchLabels"}}); ok {
		selector = match
	}
	var labels map[string]string
	if err := p.Document.Decode(selector, &labels); err != nil {
		return nil
	}
	return labels
}

// readPod decodes the pod at a path of an object.
func readPod(d *Document, object *yaml.Node, h header, prefix, path string) (*Pod, error) {
	p := &Pod{
		Document: d, APIVersion: h.apiVersion, Kind: h.kind, Name: h.name, Namespace: h.namespace,
		Path: prefix + path, Within: prefix, Line: d.Line(object), object: object,
	}
	steps, err := parsePath(path)
	if err != nil {
		return nil, err
	}
	spec, ok := walk(object, steps)
	if ok && spec.Kind == yaml.AliasNode {
		return nil, d.Fail(spec, "the pod of %s is an alias; write it out, so that it can be changed alone", p)
	}
	if !ok || spec.Kind != yaml.MappingNode {
		return nil, d.Fail(object, "%s has no pod at %s%s", p, path, whyNoPod(object, h))
	}
	p.Node = spec
	value, known := d.valueAt(p.Steps())
	if err := d.decode(spec, value, known, &p.Spec); err != nil {
		return nil, fmt.Errorf("reading the pod of %s: %w", p, err)
	}
	template, _ := walk(object, steps[:len(steps)-1])
	if _, meta, ok := Lookup(template, "metadata"); ok {
		steps := p.Steps()
		value, known := d.valueAt(append(steps[:len(steps)-1], Step{Key: "metadata"}))
		if err := d.decode(meta, value, known, &p.Meta); err != nil {
			return nil, fmt.Errorf("reading the metadata of %s: %w", p, err)
		}
	}
	if p.Spec.OS != nil && p.Spec.OS.Name == corev1.Windows || p.Spec.NodeSelector["kubernetes.io/os"] == "windows" {
		return nil, d.Fail(spec, "%s is a Windows pod, which has none of the settings of a seal", p)
	}
	if p.Claims, err = claimNames(d, object); err != nil {
		return nil, fmt.Errorf("reading the claims of %s: %w", p, err)
	}
	return p, p.readContainers()
}

// claimNames are the names of a StatefulSet's claim templates.
func claimNames(d *Document, object *yaml.Node) ([]string, error) {
	templates, ok := walk(object, []Step{{Key: "spec"}, {Key: "volumeClaimTemplates"}})
	if !ok {
		return nil, nil
	}
	var claims []struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
	}
	if err := d.Decode(templates, &claims); err != nil {
		return nil, err
	}
	var names []string
	for _, c := range claims {
		names = append(names, c.Metadata.Name)
	}
	return names, nil
}

// whyNoPod explains the one object that may well have no pod of its own.
func whyNoPod(object *yaml.Node, h header) string {
	if h.kind != "Rollout" {
		return ""
	}
	if ref, ok := walk(object, []Step{{Key: "spec"}, {Key: "workloadRef"}, {Key: "name"}}); ok {
		return fmt.Sprintf(": its workloadRef names %s, which is what to seal", ref.Value)
	}
	return ""
}

func (p *Pod) readContainers() error {
	seen := map[string]bool{}
	for _, l := range []struct {
		key  string
		from []corev1.Container
		init bool
	}{{"initContainers", p.Spec.InitContainers, true}, {"containers", p.Spec.Containers, false}} {
		_, nodes, own := Lookup(p.Node, l.key)
		for i, c := range l.from {
			if seen[c.Name] {
				return p.Document.Fail(p.Node, "%s has two containers with the name %q", p, c.Name)
			}
			seen[c.Name] = true
			container := Container{Container: c, Init: l.init, Index: i, Node: p.Node, Line: p.Document.Line(p.Node)}
			if own {
				container.Node = target(target(nodes).Content[i])
				container.Line = p.Document.Line(target(nodes).Content[i])
			}
			p.Containers = append(p.Containers, container)
		}
	}
	if len(p.Spec.Containers) == 0 {
		return p.Document.Fail(p.Node, "%s has no containers at %s", p, p.Path)
	}
	return nil
}

// Container finds a container by its name.
func (p *Pod) Container(name string) (Container, bool) {
	for _, c := range p.Containers {
		if c.Name == name {
			return c, true
		}
	}
	return Container{}, false
}

// Decode reads a node as the API server would read it, unknown fields left aside.
func (d *Document) Decode(n *yaml.Node, into any) error { return d.decode(n, nil, false, into) }

// decode is Decode for a node whose value may be known.
func (d *Document) decode(n *yaml.Node, v any, known bool, into any) (err error) {
	if !known {
		if v, err = d.Value(n); err != nil {
			return err
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		return d.Fail(n, "no JSON can say this: %v", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return d.Fail(n, "not what Kubernetes takes here: %v", err)
	}
	return nil
}
