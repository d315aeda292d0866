package manifest

import (
	"errors"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/tree"
	"github.com/podseal/podseal/internal/yamledit"
)

// Controller describes a controller that assembles pods from containers which stand in its objects without a pod.
type Controller struct {
	Name string
	// PodFields reports that the objects can have a securityContext of the pod.
	PodFields bool

	note     string // on how the controller's pods differ from those that podseal runs
	seedList string // the list of the mapping whose items run before the containers
	draft    func(*draft) error
}

// assembly is what a controller makes of one mapping of an object.
type assembly struct {
	controller *Controller
	volumes    int // how many of the pod's volumes stand in the mapping itself; they are the first ones
	// inherited is the pod's securityContext that stands elsewhere in the object, and that one in the mapping replaces.
	inherited map[string]any
}

// errNone says that a mapping has no container, as a template of steps.
var errNone = errors.New("no container")

// errAlias says that a mapping may stand in several places, and cannot be changed in one.
var errAlias = errors.New("they stand behind an alias, and are not written out here")

// assembled returns the pods that a controller makes of an object, and for each mapping that cannot be sealed an object
// that says why.
func (f *File) assembled(d *yamledit.Document, object *yaml.Node, h header, prefix string, k kind) (pods []*Pod, rest []Object, err error) {
	value, err := d.Value(object)
	if err != nil {
		return nil, nil, err
	}
	whole, _ := value.(map[string]any)
	for _, path := range k.paths {
		steps, err := yamledit.ParsePath(path)
		if err != nil {
			return nil, nil, err
		}
		for _, at := range yamledit.Expand(object, steps) {
			node, _ := yamledit.Walk(object, at)
			own, ok := yamledit.At(whole, at).(map[string]any)
			if !ok {
				continue
			}
			x := &draft{object: whole, value: own, at: at, name: h.name, given: f.Options.Parameters, used: f.used, spec: map[string]any{}, meta: map[string]any{}}
			err := k.by.draft(x)
			if err == nil && node.Kind == yaml.AliasNode {
				err = errAlias
			}
			switch {
			case errors.Is(err, errNone):
			case err != nil:
				rest = append(rest, Object{
					Document: d, APIVersion: h.apiVersion, Kind: h.kind, Name: h.name, Namespace: h.namespace, Line: d.Line(node), Node: node,
					ContainerAt: prefix + yamledit.FormatPath(at), Reason: err.Error(),
				})
			default:
				p, err := x.pod(d, object, node, h, prefix, k.by)
				if err != nil {
					return nil, nil, err
				}
				pods = append(pods, p)
			}
		}
	}
	if len(pods)+len(rest) == 0 {
		rest = []Object{{
			Document: d, APIVersion: h.apiVersion, Kind: h.kind, Name: h.name, Namespace: h.namespace, Line: d.Line(object), Node: object,
		}}
	}
	return pods, rest, nil
}

// Controller returns the controller that assembles the pod from the object's containers; nil for a pod that is written
// out.
func (p *Pod) Controller() *Controller {
	if p.assembly == nil {
		return nil
	}
	return p.assembly.controller
}

// InPlace returns an edit of the pod's spec as an edit of the mapping that the pod stands in.
func (p *Pod) InPlace(edit tree.Object) (tree.Object, error) {
	if p.assembly == nil {
		return edit, nil
	}
	var out tree.Object
	lists := map[string]*tree.Items{}
	list := func(key string) *tree.Items {
		if lists[key] == nil {
			lists[key] = &tree.Items{}
			out = append(out, tree.Field{Key: key})
		}
		return lists[key]
	}
	for _, f := range edit {
		items, isList := f.Value.(tree.Items)
		switch {
		case f.Key == "securityContext" && p.assembly.inherited != nil:
			out = append(out, tree.Field{Key: f.Key, Value: tree.Result(p.assembly.inherited, f.Value)})
		case !isList:
			out = append(out, f)
		case f.Key == "volumes":
			if at := slices.IndexFunc(items.At, func(e tree.ItemEdit) bool { return e.Index >= p.assembly.volumes }); at >= 0 {
				return nil, p.Document.Fail(p.Node, "volume %s of %s belongs to all its pods, and is not changed for one: seal without --size-limits and --medium",
					p.Spec.Volumes[items.At[at].Index].Name, p)
			}
			*list(f.Key) = items
		default:
			if len(items.Prepend) > 0 {
				before := list(p.assembly.controller.seedList)
				before.Prepend = append(before.Prepend, items.Prepend...)
			}
			for _, c := range p.Containers {
				for _, at := range items.At {
					switch {
					case c.List() != f.Key || c.Index != at.Index:
					case len(c.Steps) == 1:
						out = append(out, tree.Field{Key: c.Steps[0].Key, Value: at.Edit})
					default:
						list(c.Steps[0].Key).Change(c.Steps[1].Index, at.Edit)
					}
				}
			}
		}
	}
	for i, f := range out {
		if items := lists[f.Key]; items != nil {
			out[i].Value = *items
		}
	}
	return out, nil
}
