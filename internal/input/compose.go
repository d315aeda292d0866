package input

import (
	"context"
	"os"
	"slices"

	"github.com/podseal/podseal/internal/composefile"
	"github.com/podseal/podseal/internal/infile"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/pod"
	"github.com/podseal/podseal/internal/target"
)

// ComposeServices returns some services of a Compose file, and those that they depend on, to run for a target that needs
// them. Each runs as a separate pod, with its volumes. No names mean all services. The notes are about the settings that no
// field of a pod expresses.
func ComposeServices(ctx context.Context, name string, services []string) (out []target.Service, notes []string, err error) {
	source, err := infile.Read(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	project, err := composefile.Read(ctx, name, source, os.Environ())
	if err != nil {
		return nil, nil, err
	}
	all, err := project.Services(services...)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range all {
		t, own, err := composeTarget(project, name, s)
		if err != nil {
			return nil, nil, err
		}
		for _, needed := range s.Needs {
			at := slices.IndexFunc(out, func(o target.Service) bool { return o.Name == needed })
			if at >= 0 { // a service that depends on itself by way of others has no order
				t.Needs = append(t.Needs, out[at])
			}
		}
		out, notes = append(out, target.Service{Name: s.Name, Target: t}), append(notes, own...)
	}
	return out, notes, nil
}

// composeService returns the manifest of a pod with one service of a Compose file.
func (r *reader) composeService(ctx context.Context, name string, source []byte) ([]byte, error) {
	project, err := composefile.Read(ctx, name, source, os.Environ())
	if err != nil {
		return nil, err
	}
	if _, err := project.Services(r.service); err != nil {
		return nil, err
	}
	text, notes, err := project.Pod(r.service)
	r.notes = append(r.notes, notes...)
	return text, err
}

// composeTarget returns how one service runs.
func composeTarget(project *composefile.Project, file string, s composefile.Service) (target.Target, []string, error) {
	text, notes, err := project.Pod(s.Name)
	if err != nil {
		return target.Target{}, nil, err
	}
	parsed, err := manifest.Parse("pod of "+file, text, "")
	if err != nil {
		return target.Target{}, nil, manifest.Located(err)
	}
	var objects pod.Objects
	objects.Add(parsed)
	p, err := pod.Read(parsed.Pods[0], &objects, pod.Options{AllowHostPath: true}) // the Compose file names the folders
	if err != nil {
		return target.Target{}, nil, manifest.Located(err)
	}
	t := p.Target(parsed.Pods[0].Containers[0].Name, nil)
	t.Completes = s.Completes
	return t, notes, nil
}
