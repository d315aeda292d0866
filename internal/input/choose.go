package input

import (
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/pod"
	"github.com/podseal/podseal/internal/target"
)

// unsealedObjects returns the objects that seem to have containers that podseal does not seal.
func unsealedObjects(files []*manifest.File) []manifest.Object {
	var out []manifest.Object
	for _, f := range files {
		for _, o := range f.Objects {
			if o.Unsealed() != nil {
				out = append(out, o)
			}
		}
	}
	return out
}

// checkPodPath refuses a path at which no object of an unknown kind has a pod.
func checkPodPath(path string, files []*manifest.File) error {
	for _, f := range files {
		if slices.ContainsFunc(f.Pods, func(p *manifest.Pod) bool { return p.Custom }) {
			return nil
		}
	}
	if path == "" {
		return nil
	}
	return fmt.Errorf("--pod-path %s has no effect: no object of a kind that podseal does not know has a pod there", path)
}

// checkFlags refuses flags that can be meant for one container only.
func checkFlags(flags target.Target, targets []manifest.Target) error {
	for _, f := range []struct {
		given bool
		name  string
	}{{flags.Entrypoint != nil, "entrypoint"}, {flags.Args != nil, "arg"}, {flags.User != "", "user"}, {flags.WorkingDir != "", "workdir"}} {
		if f.given && len(targets) > 1 {
			return fmt.Errorf("--%s is for one container, but %d are to be sealed: choose one with --container or --select: %s",
				f.name, len(targets), targetNames(targets))
		}
	}
	return nil
}

// targetNames lists the first of many.
func targetNames(targets []manifest.Target) string {
	var names []string
	for _, t := range targets {
		if len(names) == 10 {
			names = append(names, "...")
			break
		}
		names = append(names, t.Pod.String()+"/"+t.Container.Name)
	}
	return strings.Join(names, ", ")
}

// choose translates the pods that have a container to seal. Pods that have none may lack what they refer to.
func choose(inputs []*File, targets []manifest.Target, objects *pod.Objects, o pod.Options) error {
	chosen := map[*manifest.Pod][]string{}
	for _, t := range targets {
		chosen[t.Pod] = append(chosen[t.Pod], t.Container.Name)
	}
	for _, in := range inputs {
		for _, p := range in.Manifest.Pods {
			if o.Chosen = chosen[p]; len(o.Chosen) == 0 {
				continue
			}
			read, err := pod.Read(p, objects, o)
			if err != nil {
				return manifest.Located(err)
			}
			in.Pods = append(in.Pods, Pod{Pod: read, Chosen: o.Chosen})
		}
	}
	return nil
}
