package emit

import (
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/tree"
)

// podEdit is what changes in the spec of one pod.
type podEdit struct {
	pod    *manifest.Pod
	edit   tree.Object
	before any // the plain value of the pod's spec; only of editedPods
}

// editedPods returns the pods of a file that must change, in their order, and the report of Splice. Sealed pods are left
// out.
func editedPods(file *manifest.File, edits []Edit) ([]podEdit, Report, error) {
	byPod := byPods(edits)
	var out []podEdit
	var report Report
	for _, pods := range groupByDocument(file.Pods) {
		some, r, err := editPods(pods[0].Document.NewEditor(), pods, byPod)
		if err != nil {
			return nil, Report{}, err
		}
		for i := range some {
			if some[i].before, err = pods[0].Document.Value(some[i].pod.Node); err != nil {
				return nil, Report{}, err
			}
		}
		out = append(out, some...)
		report.Changes = append(report.Changes, r.Changes...)
	}
	return out, report, nil
}

// head returns the fields that name a pod's object: apiVersion, kind, and its metadata's name and namespace. An object with
// a generateName has no name until it is made: none is invented.
func head(pod *manifest.Pod) tree.Object {
	var meta tree.Object
	if !pod.Generated {
		meta = tree.Object{{Key: "name", Value: pod.Name}}
	}
	if pod.Namespace != "" {
		meta = append(meta, tree.Field{Key: "namespace", Value: pod.Namespace})
	}
	o := tree.Object{{Key: "kind", Value: pod.Kind}}.AppendObject("metadata", meta)
	if pod.APIVersion == "" {
		return o // the manifest has none, and no API server takes it
	}
	return append(tree.Object{{Key: "apiVersion", Value: pod.APIVersion}}, o...)
}

// editedContainer is a container with what changes in it.
type editedContainer struct {
	container manifest.Container
	edit      tree.Object
}

// containers returns the pod's containers that change.
func (p podEdit) containers() []editedContainer {
	var out []editedContainer
	for _, c := range p.pod.Containers {
		switch edit := p.edit.Get(c.Steps[0].Key).(type) {
		case tree.Object:
			out = append(out, editedContainer{c, edit})
		case tree.Items:
			for _, at := range edit.At {
				if at.Index == c.Steps[1].Index {
					out = append(out, editedContainer{c, at.Edit})
				}
			}
		}
	}
	return out
}
