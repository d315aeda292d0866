package main

import (
	"context"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/podrun"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

// job is the checked input of a run.
type job struct {
	target target.Target // of an image that was given alone, else the flags only
	inputs []*input.File // none for an image
	places *deliver.Places
	notes  []string // what may go wrong with the result
}

// check refuses bad input before anything is started.
func (o *runOptions) check(s streams, image string, command []string) (j job, err error) {
	if err := o.checkWords(); err != nil {
		return j, err
	}
	if j.target, err = o.target.target(image, command); err != nil {
		return j, err
	}
	if err := trial.CheckCommands(j.target.Commands); err != nil {
		return j, asBadInput(err)
	}
	if len(o.input.Files) > 0 {
		if j.target.Network == "host" || strings.HasPrefix(j.target.Network, "container:") {
			return j, badInput("--network %s does not go with -f: the containers of a pod have their own network", j.target.Network)
		}
		if o.deliver.Format == deliver.FormatKustomize {
			o.input.Replaces = o.deliver.Output
		}
		set, err := o.input.read(s, j.target)
		if err != nil {
			return j, err
		}
		j.inputs = set.Files
		if err := o.checkPodSecurity(set); err != nil {
			return j, err
		}
		if err := checkExec(j.inputs); err != nil {
			return j, err
		}
	}
	return j, o.checkDelivery(&j)
}

// checkPodSecurity refuses labels that would be enforced on pods that are not sealed.
func (o *runOptions) checkPodSecurity(set input.Set) error {
	unsealed := set.Skipped
	for _, object := range set.Unsealed {
		unsealed = append(unsealed, object.Unsealed())
	}
	if o.deliver.PodSecurity == "" || len(unsealed) == 0 {
		return nil
	}
	return badInput("--pod-security %s: the level restricted would also be enforced on pods that are not sealed: %w", o.deliver.PodSecurity, unsealed[0])
}

// maxPatience is the largest factor of --patience: a run meets its other limits long before.
const maxPatience = 1000

// checkWords refuses flags with a value that they do not take.
func (o *runOptions) checkWords() (err error) {
	if err := o.input.check(); err != nil {
		return err
	}
	if err := o.cluster.apply(&seal.Options{}); err != nil {
		return err
	}
	if !slices.Contains([]string{"none", "fast", "full"}, o.minimize) {
		return badInput("--minimize %s: use none, fast or full", o.minimize)
	}
	if !(o.patience > 0 && o.patience <= maxPatience) {
		return badInput("--patience %g: give a factor above 0, up to %d", o.patience, maxPatience)
	}
	if !slices.Contains([]string{"auto", "on", "off"}, o.tracing) {
		return badInput("--trace %s: use auto, on or off", o.tracing)
	}
	if err := checkAllow(o.allow); err != nil {
		return err
	}
	o.deliver.Reports, err = o.reportFiles()
	return err
}

// checkDelivery refuses a result that could not be written, and opens the files for it.
func (o *runOptions) checkDelivery(j *job) (err error) {
	shape := deliver.Shape{PlanOnly: o.planOnly}
	for _, in := range j.inputs {
		if len(in.Pods) > 0 && in.Path != "" {
			shape.Files = append(shape.Files, in.Path)
		}
		shape.Built = shape.Built || in.Path == ""
	}
	if err := o.deliver.Check(shape); err != nil {
		return asBadInput(err)
	}
	if j.notes, err = o.deliver.Rehearse(j.planned(), o.allow); err != nil {
		return asBadInput(err)
	}
	if j.places, err = o.deliver.Open(shape.Files); err != nil {
		return asBadInput(err)
	}
	return nil
}

// planned returns the inputs as they will be delivered, without outcomes.
func (j *job) planned() []deliver.Input {
	if len(j.inputs) == 0 {
		return []deliver.Input{{Containers: []deliver.Container{{Outcome: deliver.Outcome{Target: j.target}}}}}
	}
	var out []deliver.Input
	for _, in := range j.inputs {
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

// targets returns the containers to seal.
func (j *job) targets() []target.Target {
	var out []target.Target
	for _, in := range j.planned() {
		for _, c := range in.Containers {
			out = append(out, c.Outcome.Target)
		}
	}
	return out
}

// checkEngine refuses what the engine and the images decide before any run: a network, an image, a VOLUME or a user that
// cannot be used. The images of all containers are pulled by it.
func (j *job) checkEngine(ctx context.Context, engine *podrun.Engine) error {
	if err := engine.CheckNetwork(ctx, j.target.Network); err != nil {
		return err
	}
	targets := j.targets()
	for _, t := range targets {
		facts, err := engine.Image(ctx, t.Image, t.Platform)
		if err != nil {
			return err
		}
		if err := plan.CheckVolumes(facts); err != nil {
			return badInput("image %s: %w", t.Image, err)
		}
		if err := checkUserName(ctx, engine, facts, t.User); err != nil {
			return badInput("image %s: %w", t.Image, err)
		}
	}
	return pullMembers(ctx, engine, targets)
}

// pullMembers pulls the images of the containers that run in the pods of the targets.
func pullMembers(ctx context.Context, engine *podrun.Engine, targets []target.Target) error {
	have := map[[2]string]bool{}
	for _, t := range targets {
		have[[2]string{t.Image, t.Platform}] = true
	}
	for _, t := range targets {
		if t.Pod == nil {
			continue
		}
		for _, m := range slices.Concat(t.Pod.Before, t.Pod.After) {
			key := [2]string{m.Target.Image, m.Target.Platform}
			if have[key] {
				continue
			}
			have[key] = true
			if _, err := engine.Image(ctx, m.Target.Image, m.Target.Platform); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkExec refuses commands in a container that has ended when they are due.
func checkExec(inputs []*input.File) error {
	for _, in := range inputs {
		for _, p := range in.Pods {
			for _, name := range p.Chosen {
				t := p.Pod.Target(name, nil)
				inside := slices.ContainsFunc(t.Commands, func(c target.Command) bool { return c.Inside })
				if inside && t.Completes && t.Pod.Default == "" {
					return badInput("--exec runs in container %s of %s, which runs to its end: it has ended when the command is due; use a COMMAND on the host",
						name, p.Pod.Manifest)
				}
			}
		}
	}
	return nil
}
