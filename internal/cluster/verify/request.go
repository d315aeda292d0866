package verify

import (
	"fmt"
	"slices"

	"github.com/podseal/podseal/internal/cluster/workload"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/target"
)

// RequestOf returns the request to run the only workload of a set of manifests, with the companions of its files. An empty name
// means the pod's default container.
func RequestOf(set input.Set, container string, o workload.Options) (r Request, err error) {
	chosen, err := onlyPod(set)
	if err != nil {
		return r, err
	}
	if r.Target, err = targetOf(chosen, container); err != nil {
		return r, err
	}
	r.Container = r.Target.Name
	r.Workload, err = workload.Build(chosen.Pod.Manifest, companions(set), o)
	return r, err
}

// companions returns the files whose objects come with the workload.
func companions(set input.Set) []*manifest.File {
	var out []*manifest.File
	for _, f := range slices.Concat(set.Files, set.With) {
		out = append(out, f.Manifest)
	}
	return out
}

// onlyPod returns the one pod that is chosen.
func onlyPod(set input.Set) (input.Pod, error) {
	var all []input.Pod
	for _, f := range set.Files {
		all = append(all, f.Pods...)
	}
	if len(all) != 1 {
		names := ""
		for _, p := range all {
			names += ", " + p.Pod.Manifest.Kind + "/" + p.Pod.Manifest.Name
		}
		return input.Pod{}, fmt.Errorf("%d workloads fit%s: verify one at a time, with --select KIND/NAME", len(all), names)
	}
	return all[0], nil
}

// targetOf returns the container that the commands are meant for: the named one, else the pod's default container.
func targetOf(p input.Pod, container string) (target.Target, error) {
	names := p.Pod.Names()
	for _, name := range names {
		if t := p.Pod.Target(name, nil); name == container || container == "" && (t.Pod == nil || t.Pod.Default == "") {
			return t, nil
		}
	}
	return target.Target{}, fmt.Errorf("--container %s: %s has no such container; there are: %v", container, p.Pod.Manifest, names)
}
