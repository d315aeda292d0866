package emit

import (
	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
)

// podPlan is what must change in one pod of a file, without regard to the form in which it is written down.
type podPlan struct {
	pod    *manifest.Pod
	tree   object
	before any // the pod's spec
}

// plans works out what must change in the pods of a file, in their order, and reports it as Splice does. Pods that are
// sealed already are left out.
func plans(file *manifest.File, edits []Edit) ([]podPlan, Report, error) {
	byPod, err := byPods(edits)
	if err != nil {
		return nil, Report{}, err
	}
	var out []podPlan
	var report Report
	for _, pods := range groupByDocument(file.Pods, byPod) {
		p := &patcher{doc: pods[0].Document, entrances: map[*yaml.Node]int{}}
		wants, err := p.collect(pods, byPod)
		if err != nil {
			return nil, Report{}, err
		}
		report.Changes = append(report.Changes, p.changes...)
		for _, pod := range pods {
			tree, ok := wants[pod.Path]
			if !ok {
				continue
			}
			before, err := pod.Document.Value(pod.Node)
			if err != nil {
				return nil, Report{}, err
			}
			out = append(out, podPlan{pod, tree, before})
		}
	}
	return out, report, nil
}

// head is what names a pod's object: apiVersion, kind, and its metadata's name and namespace.
func head(pod *manifest.Pod) object {
	meta := object{{"name", pod.Name}}
	if pod.Namespace != "" {
		meta = append(meta, field{"namespace", pod.Namespace})
	}
	o := object{{"kind", pod.Kind}, {"metadata", meta}}
	if pod.APIVersion == "" {
		return o // the manifest has none, and no API server takes it
	}
	return append(object{{"apiVersion", pod.APIVersion}}, o...)
}

type envVar = corev1.EnvVar

// editedContainer is a container with what changes in it.
type editedContainer struct {
	container manifest.Container
	edit      object
}

// edited are the pod's containers that change.
func (p podPlan) edited() []editedContainer {
	var out []editedContainer
	for _, c := range p.pod.Containers {
		list, _ := lookup(p.tree, c.List()).(items)
		for _, at := range list.at {
			if at.index == c.Index {
				out = append(out, editedContainer{c, at.edit})
			}
		}
	}
	return out
}
