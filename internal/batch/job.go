// Package batch seals the targets of one command: an image that was given alone, or the chosen containers of manifests.
package batch

import (
	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/target"
)

// Job is what one command seals.
type Job struct {
	// Target is an image that was given alone. With Files, it holds only what the flags say of every container.
	Target target.Target
	Files  []*input.File

	// others are the profiles of containers of the pods that another job has sealed.
	others podProfiles
}

// Planned returns the inputs as they will be delivered, with targets and without outcomes.
func (j Job) Planned() []deliver.Input {
	if len(j.Files) == 0 {
		return []deliver.Input{{Containers: []deliver.Container{{Outcome: deliver.Outcome{Target: j.Target}}}}}
	}
	var out []deliver.Input
	for _, in := range j.Files {
		planned := deliver.Input{File: in.Manifest, Path: in.Path}
		for _, p := range in.Pods {
			for _, name := range p.Chosen {
				planned.Containers = append(planned.Containers, deliver.Container{
					Pod: p.Pod.Manifest, Name: name, Outcome: deliver.Outcome{Target: p.Pod.Target(name, nil)},
				})
			}
		}
		out = append(out, planned)
	}
	return out
}

// Shape returns what the options of a delivery are checked against.
func (j Job) Shape() deliver.Shape {
	var s deliver.Shape
	for _, in := range j.Files {
		if len(in.Pods) > 0 && in.Path != "" {
			s.Files = append(s.Files, in.Path)
		}
		s.Built = s.Built || in.Path == ""
	}
	return s
}

// Targets returns the containers to seal.
func (j Job) Targets() []target.Target {
	var out []target.Target
	for _, in := range j.Planned() {
		for _, c := range in.Containers {
			out = append(out, c.Outcome.Target)
		}
	}
	return out
}

// Secrets returns the values of Secrets of all containers to seal.
func (j Job) Secrets() []string {
	var out []string
	for _, t := range j.Targets() {
		out = append(out, t.AllSecrets()...)
	}
	return out
}
