package manifest

import (
	"fmt"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/yamledit"
)

// draft is a pod in the making.
type draft struct {
	object, value map[string]any  // the plain values of the object and of the mapping
	at            []yamledit.Step // from the object to the mapping
	name          string          // of the object
	given         map[string]string
	used          map[string]bool // of the given ones

	spec       map[string]any
	meta       map[string]any
	containers []draftContainer // in the order of their starts; the last one is the pod's own
	own        int              // how many volumes stand in the mapping
	inherited  map[string]any
	notes      []string
}

// draftContainer is a container of a draft with its place below the mapping.
type draftContainer struct {
	value map[string]any
	place []yamledit.Step
}

// pod returns the finished pod.
func (x *draft) pod(d *yamledit.Document, object, node *yaml.Node, h header, prefix string, by *Controller) (*Pod, error) {
	p := &Pod{
		Document: d, APIVersion: h.apiVersion, Kind: h.kind, Name: h.name, Generated: h.generated, Namespace: h.namespace,
		Path: prefix + yamledit.FormatPath(x.at), Within: prefix, Line: d.Line(object), object: object, Node: node,
		Notes: append(x.notes, by.note), assembly: &assembly{controller: by, volumes: x.own, inherited: x.inherited},
	}
	last := len(x.containers) - 1
	var before []any
	for _, c := range x.containers[:last] {
		before = append(before, c.value)
	}
	x.spec["initContainers"], x.spec["containers"] = before, []any{x.containers[last].value}
	if err := d.DecodeValue(node, x.spec, &p.Spec); err != nil {
		return nil, fmt.Errorf("reading the containers of %s: %w", p, err)
	}
	if err := d.DecodeValue(node, x.meta, &p.Meta); err != nil {
		return nil, fmt.Errorf("reading the metadata of %s: %w", p, err)
	}
	names := map[string]bool{}
	for i, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		if names[c.Name] {
			return nil, d.Fail(node, "%s has two containers with the name %q", p, c.Name)
		}
		names[c.Name] = true
		at, ok := yamledit.Walk(node, x.containers[i].place)
		if !ok {
			at = node
		}
		container := Container{Container: c, Init: i < last, Index: i, Steps: x.containers[i].place, Node: yamledit.Target(at), Line: d.Line(at)}
		if !container.Init {
			container.Index = 0
		}
		p.Containers = append(p.Containers, container)
	}
	var err error
	p.Claims, err = claimNames(d, object, x.root())
	return p, err
}

// root returns the path of the mapping that all containers of the object share.
func (x *draft) root() []yamledit.Step { return x.at[:max(0, len(x.at)-2)] }

// parameters returns the parameters of the draft, without a value.
func (x *draft) parameters(pattern *regexp.Regexp, forms []string) *parameters {
	return &parameters{pattern: pattern, forms: forms, values: map[string]string{}, given: map[string]string{}, used: x.used}
}

// addScript lets a container have a text as a file, as a controller would write it: from an annotation of the pod.
func (x *draft) addScript(container map[string]any, folder, file, text string) {
	annotations := without(mapping(x.meta, "annotations"))
	key := fmt.Sprintf("podseal-script-%d", len(annotations))
	annotations[key] = text
	x.meta["annotations"] = annotations
	add(x.spec, "volumes", map[string]any{"name": key, "downwardAPI": map[string]any{
		"defaultMode": int64(0o755),
		"items":       []any{map[string]any{"path": file, "fieldRef": map[string]any{"fieldPath": "metadata.annotations['" + key + "']"}}},
	}})
	add(container, "volumeMounts", map[string]any{"name": key, "mountPath": folder, "readOnly": true})
}

// addFolder gives a container an emptyDir that its controller adds to all containers of the pod.
func (x *draft) addFolder(container map[string]any, name, at string) {
	for _, m := range mappings(container, "volumeMounts") {
		if m["mountPath"] == at {
			return
		}
	}
	known := slices.ContainsFunc(mappings(x.spec, "volumes"), func(v map[string]any) bool { return v["name"] == name })
	if !known {
		add(x.spec, "volumes", map[string]any{"name": name, "emptyDir": map[string]any{}})
	}
	add(container, "volumeMounts", map[string]any{"name": name, "mountPath": at})
}
