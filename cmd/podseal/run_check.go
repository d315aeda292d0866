package main

import (
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/trial"
)

// job is the checked input of a run.
type job struct {
	batch.Job
	places *deliver.Places
	notes  []string // what may go wrong with the result
}

// check refuses bad input before anything is started.
func (o *runOptions) check(s streams, image string, command []string) (j job, err error) {
	if err := o.checkWords(); err != nil {
		return j, err
	}
	if j.Target, err = o.target.target(image, command); err != nil {
		return j, err
	}
	if err := trial.CheckCommands(j.Target.Commands); err != nil {
		return j, exitcode.BadInput(err)
	}
	if len(o.input.Files) > 0 {
		if j.Target.Network == "host" || strings.HasPrefix(j.Target.Network, "container:") {
			return j, exitcode.BadInputf("--network %s does not go with -f: the containers of a pod have their own network", j.Target.Network)
		}
		if o.deliver.Format == deliver.FormatKustomize {
			o.input.Replaces = o.deliver.Output
		}
		set, err := o.input.read(s, j.Target)
		if err != nil {
			return j, err
		}
		j.Files = set.Files
		s.redact.Hide(j.Job.Secrets()...)
		if err := o.checkPodSecurity(set); err != nil {
			return j, err
		}
		if err := j.CheckTargets(); err != nil {
			return j, err
		}
	}
	return j, o.checkDelivery(&j)
}

// checkPodSecurity refuses labels that would be enforced on pods that are not sealed.
func (o *runOptions) checkPodSecurity(set input.Set) error {
	unsealed := batch.Unsealed(set)
	if o.deliver.PodSecurity == "" || len(unsealed) == 0 {
		return nil
	}
	return exitcode.BadInputf("--pod-security %s: the level restricted would also be enforced on pods that are not sealed: %w", o.deliver.PodSecurity, unsealed[0])
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
	if err := o.engine.check(); err != nil {
		return err
	}
	if !slices.Contains([]string{"none", "fast", "full"}, o.minimize) {
		return exitcode.BadInputf("--minimize %s: use none, fast or full", o.minimize)
	}
	if !(o.patience > 0 && o.patience <= maxPatience) {
		return exitcode.BadInputf("--patience %g: give a factor above 0, up to %d", o.patience, maxPatience)
	}
	if !slices.Contains([]string{"auto", "on", "off"}, o.tracing) {
		return exitcode.BadInputf("--trace %s: use auto, on or off", o.tracing)
	}
	if err := o.policy().Check(); err != nil {
		return exitcode.BadInput(err)
	}
	err = o.reports.check(o.deliver.OnStdout())
	o.deliver.Reports = o.reports.names()
	if o.proof.file != "" {
		o.deliver.Reports = append(o.deliver.Reports, o.proof.file)
	}
	if o.proof.file != "" && o.planOnly {
		return exitcode.BadInputf("--seal %s: a plan has no proof: leave out --plan-only", o.proof.file)
	}
	return err
}

// checkDelivery refuses a result that could not be written, and opens the files for it.
func (o *runOptions) checkDelivery(j *job) (err error) {
	shape := j.Shape()
	shape.PlanOnly = o.planOnly
	if err := o.deliver.Check(shape); err != nil {
		return exitcode.BadInput(err)
	}
	if j.notes, err = o.deliver.Rehearse(j.Planned(), o.allow); err != nil {
		return exitcode.BadInput(err)
	}
	if j.places, err = o.deliver.Open(shape.Files); err != nil {
		return exitcode.BadInput(err)
	}
	return nil
}
