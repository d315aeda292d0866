package manifest

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/yamledit"
)

// podsOf reads the pods of one object: at the paths of its kind, or at the custom path if podseal does not know the
// kind. The rest is the object itself if it has no pod, or has containers in addition that podseal does not seal.
func (f *File) podsOf(d *yamledit.Document, object *yaml.Node, h header, prefix string) (pods []*Pod, rest []Object, err error) {
	k, known := kindOf(h.apiVersion, h.kind)
	if k.by != nil {
		return f.assembled(d, object, h, prefix, k)
	}
	if !known && f.Options.PodPath != "" {
		k = kind{paths: []string{f.Options.PodPath}, rule: sometimes}
	}
	places, incomplete, err := k.places(object)
	if err != nil {
		return nil, nil, err
	}
	for _, at := range places {
		p, err := readPod(d, object, h, prefix, yamledit.FormatPath(at))
		if err != nil {
			return nil, nil, err
		}
		p.Custom = !known
		pods = append(pods, p)
	}
	if known && k.rule == always && len(pods) == 0 {
		return nil, nil, d.Fail(object, "%s %s has no pod at %s%s", h.kind, h.name, strings.Join(k.paths, " or "), writeThePod)
	}
	if len(pods) > 0 && incomplete == nil {
		return pods, nil, nil
	}
	left := Object{
		Document: d, APIVersion: h.apiVersion, Kind: h.kind, Name: h.name, Namespace: h.namespace, Line: d.Line(object), Node: object,
	}
	left.Reason = runnerOf(h.apiVersion, h.kind)
	if k.rule == completed {
		left.Reason = cmp.Or(left.Reason, "their operator completes the pods")
	}
	pod, container := guess(object, nil, maxDepth)
	if incomplete != nil {
		pod = incomplete
	}
	left.PodAt, left.ContainerAt = yamledit.FormatPath(pod), yamledit.FormatPath(container)
	return pods, []Object{left}, nil
}

// places returns the paths at which an object of the kind has pods, and the first one at which an operator has to complete
// the pod.
func (k kind) places(object *yaml.Node) (places [][]yamledit.Step, incomplete []yamledit.Step, err error) {
	for _, path := range k.paths {
		steps, err := yamledit.ParsePath(path)
		if err != nil {
			return nil, nil, err
		}
		if k.rule == always && !yamledit.IsPattern(steps) && len(k.paths) == 1 {
			return [][]yamledit.Step{steps}, nil, nil // readPod says what is wrong there
		}
		for _, at := range yamledit.Expand(object, steps) {
			if spec, _ := yamledit.Walk(object, at); k.rule != completed || isComplete(spec) {
				places = append(places, at)
			} else if incomplete == nil {
				incomplete = at
			}
		}
	}
	return places, incomplete, nil
}

// isComplete reports whether a node is a pod's spec whose containers all have a name and an image.
func isComplete(spec *yaml.Node) bool {
	_, list, ok := yamledit.Lookup(spec, "containers")
	if !ok || list.Kind != yaml.SequenceNode || len(list.Content) == 0 {
		return false
	}
	return !slices.ContainsFunc(list.Content, func(c *yaml.Node) bool { return !has(yamledit.Target(c), "name") || !has(yamledit.Target(c), "image") })
}
