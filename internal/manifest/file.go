// Package manifest finds pods and their containers in YAML source, with positions.
package manifest

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/yamledit"
)

// File is a parsed manifest file: a stream of documents, and the pods in them.
type File struct {
	Name      string
	Source    []byte
	PodPath   string // where objects of kinds that podseal does not know keep their pod
	Documents []*yamledit.Document
	Pods      []*Pod
	Others    []Other // the objects without a pod
}

// Other is an object in which no pod was looked for or found.
type Other struct {
	Document   *yamledit.Document
	APIVersion string
	Kind       string
	Name       string
	Namespace  string
	Line       int
	Node       *yaml.Node
	// PodAt is where the object seems to embed a pod, although podseal does not know its kind; else empty.
	PodAt string
}

// Error is an error of a manifest, with its file and line.
type Error = yamledit.Error

// Parse reads a file. The name is for messages. A podPath, if not empty, says where objects of kinds that podseal does
// not know keep their pod.
func Parse(name string, source []byte, podPath string) (*File, error) {
	f := &File{Name: name, Source: source, PodPath: podPath}
	if err := yamledit.CheckEncoding(name, source); err != nil {
		return nil, err
	}
	if podPath != "" {
		if _, err := yamledit.ParsePath(podPath); err != nil {
			return nil, err
		}
	}
	chunks := yamledit.Split(source)
	parts := make([]File, len(chunks)) // a document each
	errs := make([]error, len(chunks))
	Each(len(chunks), func(i int) {
		parts[i].Name = name
		errs[i] = parts[i].readDocument(i, chunks[i], podPath)
	})
	for i, part := range parts {
		if err := errs[i]; err != nil {
			if bytes.Contains(chunks[i].Text, []byte("{{")) {
				err = fmt.Errorf("%w (this looks like a template: give podseal what helm template makes of it)", err)
			}
			return nil, err
		}
		f.Documents = append(f.Documents, part.Documents...)
		f.Pods = append(f.Pods, part.Pods...)
		f.Others = append(f.Others, part.Others...)
	}
	return f, nil
}

func (f *File) readDocument(index int, c yamledit.Chunk, podPath string) error {
	d, err := yamledit.Parse(f.Name, index, c)
	if err != nil {
		return err
	}
	f.Documents = append(f.Documents, d)
	if d.Root == nil || d.Root.Tag == "!!null" {
		return nil
	}
	return f.readObject(d, d.Root, "", podPath)
}

// Decode reads the object as the API server would, for example into a ConfigMap.
func (o Other) Decode(into any) error { return o.Document.Decode(o.Node, into) }

// readObject finds the pod of one object, or those of a list's items. The prefix is the path from the document.
func (f *File) readObject(d *yamledit.Document, object *yaml.Node, prefix, custom string) error {
	if object.Kind != yaml.MappingNode {
		return d.Fail(object, "not a Kubernetes object: it has no apiVersion and kind")
	}
	h := readHeader(object)
	if h.kind == "" {
		return d.Fail(object, "not a Kubernetes object: it has no kind")
	}
	if _, items, ok := yamledit.Lookup(object, "items"); ok && strings.HasSuffix(h.kind, "List") && yamledit.Target(items).Kind == yaml.SequenceNode {
		if items.Kind == yaml.AliasNode {
			return d.Fail(items, "the items of this list are an alias; write them out")
		}
		for i, item := range items.Content {
			if err := f.readObject(d, item, fmt.Sprintf("%sitems[%d].", prefix, i), custom); err != nil {
				return err
			}
		}
		return nil
	}
	path, known := podPath(h.apiVersion, h.kind)
	if !known && custom != "" {
		if steps, err := yamledit.ParsePath(custom); err != nil {
			return err
		} else if _, there := yamledit.Walk(object, steps); there {
			path, known = strings.TrimPrefix(custom, "."), true
		}
	}
	if !known {
		f.Others = append(f.Others, Other{
			Document: d, APIVersion: h.apiVersion, Kind: h.kind, Name: h.name, Namespace: h.namespace,
			Line: d.Line(object), Node: object, PodAt: guessPod(object, "", 6),
		})
		return nil
	}
	pod, err := readPod(d, object, h, prefix, path)
	if err != nil {
		return err
	}
	f.Pods = append(f.Pods, pod)
	return nil
}

// guessPod looks for a mapping with containers that have a name and an image.
func guessPod(n *yaml.Node, at string, depth int) string {
	if n.Kind != yaml.MappingNode || depth == 0 {
		return ""
	}
	if _, c, ok := yamledit.Lookup(n, "containers"); ok && at != "" && c.Kind == yaml.SequenceNode && len(c.Content) > 0 {
		_, _, name := yamledit.Lookup(c.Content[0], "name")
		if _, _, image := yamledit.Lookup(c.Content[0], "image"); name && image {
			return at
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if at != "" {
			key = at + "." + key
		}
		if found := guessPod(n.Content[i+1], key, depth-1); found != "" {
			return found
		}
	}
	return ""
}

// Target is one container that is to be sealed.
type Target struct {
	Pod       *Pod
	Container Container
}

// Select chooses containers: those of the object "kind/name" (or "name"), with the container's name; an empty word
// takes all, but not the init containers that an earlier seal brought. Finding nothing is an error, and so is one container name in several objects.
func (f *File) Select(object, container string) ([]Target, error) {
	return Select([]*File{f}, object, container)
}

// Select chooses containers from several files, as File.Select does from one.
func Select(files []*File, object, container string) ([]Target, error) {
	var pods []*Pod
	for _, f := range files {
		pods = append(pods, f.Pods...)
	}
	if len(pods) == 0 {
		return nil, noPod(files)
	}
	var out []Target
	var holders []string
	for _, p := range pods {
		if !p.matches(object) {
			continue
		}
		for _, c := range p.Containers {
			if container == "" && !c.Seed() || container != "" && c.Name == container {
				out = append(out, Target{p, c})
				holders = append(holders, p.place(len(files) > 1))
			}
		}
	}
	switch {
	case len(out) == 0:
		return nil, &Error{File: names(files), Line: 0, Reason: fmt.Sprintf("no container fits %s; there are: %s", wanted(object, container), inventory(pods))}
	case container != "" && len(out) > 1:
		return nil, &Error{File: names(files), Line: 0, Reason: fmt.Sprintf("container %q is ambiguous: %s have one; choose with --select kind/name",
			container, strings.Join(holders, ", "))}
	}
	return out, nil
}

// place is a pod with its line, and its file where there are several.
func (p *Pod) place(several bool) string {
	if several {
		return fmt.Sprintf("%s (%s:%d)", p, p.Document.File, p.Line)
	}
	return fmt.Sprintf("%s (line %d)", p, p.Line)
}

// names names the files of an error that no one of them is to blame for.
func names(files []*File) string {
	switch len(files) {
	case 0:
		return "the input"
	case 1:
		return files[0].Name
	}
	return fmt.Sprintf("%s and %d more", files[0].Name, len(files)-1)
}

func wanted(object, container string) string {
	return fmt.Sprintf("object %q and container %q", cmp.Or(object, "*"), cmp.Or(container, "*"))
}

// matches compares with "kind/name" or "name", the kind in any case, as kubectl takes it.
func (p *Pod) matches(object string) bool {
	if object == "" {
		return true
	}
	kind, name, found := strings.Cut(object, "/")
	if !found {
		return p.Name == object
	}
	return strings.EqualFold(kind, p.Kind) && (name == "" || name == p.Name)
}

func inventory(pods []*Pod) string {
	var parts []string
	for _, p := range pods {
		var names []string
		for _, c := range p.Containers {
			names = append(names, c.Name)
		}
		parts = append(parts, fmt.Sprintf("%s/%s with %s", p.Kind, p.Name, strings.Join(names, ", ")))
		if len(parts) == 10 && len(pods) > 10 {
			return strings.Join(parts, "; ") + "; ..."
		}
	}
	return strings.Join(parts, "; ")
}

// noPod says why there is nothing to seal in files without a pod.
func noPod(files []*File) error {
	var first *Error
	for _, f := range files {
		for _, o := range f.Others {
			if o.PodAt != "" {
				return &Error{File: f.Name, Line: o.Line, Reason: fmt.Sprintf("%s (%s) is not a kind that podseal knows, but it seems to have a pod: use --pod-path %s",
					o.Kind, o.APIVersion, o.PodAt)}
			}
			if first == nil {
				first = &Error{File: f.Name, Line: o.Line, Reason: fmt.Sprintf("no pod in it: the kinds that have one are %s; for another kind than these use --pod-path; the first object here is %s %s",
					kindNames, o.Kind, o.Name)}
			}
		}
	}
	if first == nil {
		return &Error{File: names(files), Line: 0, Reason: "no Kubernetes object in it"}
	}
	return first
}
