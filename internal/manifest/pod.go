package manifest

import (
	"cmp"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/yamledit"
)

// Pod is one pod of a file: the object that holds it, and its spec as values and as nodes.
type Pod struct {
	Document   *yamledit.Document
	APIVersion string
	Kind       string
	Name       string // or the generateName of an object without a name
	Generated  bool   // Name is a generateName: the API server adds to it
	Namespace  string
	Path       string // from the document to the pod's spec: "spec.template.spec", "items[2].spec"
	Within     string // from the document to the object: "" where the document is the object, else "items[2]."
	Line       int    // of the object

	Meta       metav1.ObjectMeta // of the pod or its template
	Spec       corev1.PodSpec
	Containers []Container // the init containers first, each in its order
	object     *yaml.Node
	Claims     []string // the names of a StatefulSet's claim templates, which volumes must not have

	Node   *yaml.Node // the pod's spec, or the mapping that a controller assembles it from
	Custom bool       // the kind is unknown: the pod stands at Options.PodPath
	Notes  []string   // how the pod differs from the one that its controller makes

	assembly *assembly // nil for a pod that is written out
}

// Seed reports whether this is an init container that a seal added, to fill a mount of another container.
func (c Container) Seed() bool { return c.Init && podspec.IsSeed(c.Container) }

// Container is one container of a pod.
type Container struct {
	corev1.Container
	Init  bool
	Index int             // in the containers or initContainers of Pod.Spec
	Steps []yamledit.Step // from Pod.Node to the container
	Line  int
	Node  *yaml.Node
}

// HasValue reports whether the manifest itself has the value of a variable, which no other object holds.
func (c Container) HasValue(variable string) bool {
	return slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == variable && e.ValueFrom == nil })
}

// List returns the key of the pod's list that holds the container.
func (c Container) List() string {
	if c.Init {
		return "initContainers"
	}
	return "containers"
}

// Knative reports whether the pod's fields are limited to those that Knative passes on.
func (p *Pod) Knative() bool { return groupOf(p.APIVersion) == knativeGroup }

// String names the pod for messages: "Deployment web".
func (p *Pod) String() string {
	if p.Name == "" {
		return p.Kind
	}
	return p.Kind + " " + p.Name
}

// header is what every object has.
type header struct {
	apiVersion, kind, name, namespace string
	generated                         bool // name is the generateName
}

// readHeader takes only what it needs, so that an object with odd labels is still named.
func readHeader(object *yaml.Node) header {
	text := func(n *yaml.Node, key string) string {
		if _, v, ok := yamledit.Lookup(n, key); ok {
			return yamledit.Target(v).Value
		}
		return ""
	}
	h := header{apiVersion: text(object, "apiVersion"), kind: text(object, "kind")}
	if _, meta, ok := yamledit.Lookup(object, "metadata"); ok {
		meta = yamledit.Target(meta)
		h.name, h.namespace = cmp.Or(text(meta, "name"), text(meta, "generateName")), text(meta, "namespace")
		h.generated = text(meta, "name") == "" && h.name != ""
	}
	return h
}

// BuiltIn reports whether the object is of a kind of Kubernetes itself: the API server knows how to merge its lists.
func (p *Pod) BuiltIn() bool {
	return slices.Contains([]string{"", "apps", "batch"}, groupOf(p.APIVersion))
}

// Selector returns the labels by which a controller selects its pods. It is nil if there are none, or not only labels.
func (p *Pod) Selector() map[string]string {
	selector, ok := yamledit.Walk(p.object, []yamledit.Step{{Key: "spec"}, {Key: "selector"}})
	if !ok {
		return nil
	}
	if match, ok := yamledit.Walk(selector, []yamledit.Step{{Key: "matchLabels"}}); ok {
		selector = match
	}
	var labels map[string]string
	if err := p.Document.Decode(selector, &labels); err != nil {
		return nil
	}
	return labels
}

// readPod decodes the pod at a path of an object.
func readPod(d *yamledit.Document, object *yaml.Node, h header, prefix, path string) (*Pod, error) {
	p := &Pod{
		Document: d, APIVersion: h.apiVersion, Kind: h.kind, Name: h.name, Generated: h.generated, Namespace: h.namespace,
		Path: prefix + path, Within: prefix, Line: d.Line(object), object: object,
	}
	steps, err := yamledit.ParsePath(path)
	if err != nil {
		return nil, err
	}
	spec, ok := yamledit.Walk(object, steps)
	if ok && spec.Kind == yaml.AliasNode {
		return nil, d.Fail(spec, "the pod of %s is an alias; write it out, so that it can be changed alone", p)
	}
	if !ok || spec.Kind != yaml.MappingNode {
		return nil, d.Fail(object, "%s has no pod at %s%s", p, path, whyNoPod(object, h))
	}
	p.Node = spec
	if err := decodeAt(d, spec, p.Steps(), &p.Spec); err != nil {
		return nil, fmt.Errorf("reading the pod of %s: %w", p, err)
	}
	template, _ := yamledit.Walk(object, steps[:len(steps)-1])
	if _, meta, ok := yamledit.Lookup(template, "metadata"); ok {
		steps := p.Steps()
		if err := decodeAt(d, meta, append(steps[:len(steps)-1], yamledit.Step{Key: "metadata"}), &p.Meta); err != nil {
			return nil, fmt.Errorf("reading the metadata of %s: %w", p, err)
		}
	}
	if p.Spec.OS != nil && p.Spec.OS.Name == corev1.Windows || p.Spec.NodeSelector["kubernetes.io/os"] == "windows" {
		return nil, d.Fail(spec, "%s is a Windows pod, which has none of the settings of a seal", p)
	}
	if p.Claims, err = claimNames(d, object, []yamledit.Step{{Key: "spec"}}); err != nil {
		return nil, fmt.Errorf("reading the claims of %s: %w", p, err)
	}
	return p, p.readContainers()
}

// decodeAt reads the node at a path of a document, from the document's value if that is known: it is resolved once.
func decodeAt(d *yamledit.Document, n *yaml.Node, steps []yamledit.Step, into any) error {
	if value, known := d.ValueAt(steps); known {
		return d.DecodeValue(n, value, into)
	}
	return d.Decode(n, into)
}

// claimNames returns the names of the claim templates of a StatefulSet, or of another object that has them below root.
func claimNames(d *yamledit.Document, object *yaml.Node, root []yamledit.Step) ([]string, error) {
	templates, ok := yamledit.Walk(object, append(slices.Clone(root), yamledit.Step{Key: "volumeClaimTemplates"}))
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

// writeThePod is the next step for an object without the pod that its kind has.
const writeThePod = ": write the pod's spec there, or remove the object from the input"

// whyNoPod returns the next step for an object without a pod: a Rollout may refer to another object.
func whyNoPod(object *yaml.Node, h header) string {
	if h.kind != "Rollout" {
		return writeThePod
	}
	if ref, ok := yamledit.Walk(object, []yamledit.Step{{Key: "spec"}, {Key: "workloadRef"}, {Key: "name"}}); ok {
		return fmt.Sprintf(": its workloadRef names %s, which is what to seal", ref.Value)
	}
	return writeThePod
}

func (p *Pod) readContainers() error {
	seen := map[string]bool{}
	for _, l := range []struct {
		key  string
		from []corev1.Container
		init bool
	}{{"initContainers", p.Spec.InitContainers, true}, {"containers", p.Spec.Containers, false}} {
		_, nodes, own := yamledit.Lookup(p.Node, l.key)
		for i, c := range l.from {
			if seen[c.Name] {
				return p.Document.Fail(p.Node, "%s has two containers with the name %q", p, c.Name)
			}
			seen[c.Name] = true
			container := Container{
				Container: c, Init: l.init, Index: i, Node: p.Node, Line: p.Document.Line(p.Node),
				Steps: []yamledit.Step{{Key: l.key}, {Index: i}},
			}
			if own {
				container.Node = yamledit.Target(yamledit.Target(nodes).Content[i])
				container.Line = p.Document.Line(yamledit.Target(nodes).Content[i])
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

// DecodeObject reads the whole object that holds the pod.
func (p *Pod) DecodeObject(into any) error { return p.Document.Decode(p.object, into) }
