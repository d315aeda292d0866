package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/advise/sealing"
	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/engines"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/seals"
	"github.com/podseal/podseal/internal/trial"
)

// rerunOptions are the flags about runs of podseal check.
type rerunOptions struct {
	wanted bool
	target targetOptions
	names  []string // of the flags that have an effect on runs alone
}

func (o *rerunOptions) addFlags(f *pflag.FlagSet) {
	f.BoolVar(&o.wanted, "rerun", false, "also prove the seals again with the engine, and report what is new; the flags below describe the runs of -f")
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	own.SortFlags = false
	o.target.addFlags(own)
	own.VisitAll(func(flag *pflag.Flag) {
		if flag.Name != "exec" {
			o.names = append(o.names, flag.Name)
		}
	})
	f.AddFlagSet(own)
	o.target.given = f.Changed
}

// check refuses flags about runs where there are none.
func (o *rerunOptions) check(given func(flag string) bool) error {
	if o.wanted {
		return nil
	}
	for _, name := range append(o.names, "with", "stand-ins", "allow-hostpath") {
		if given(name) {
			return exitcode.BadInputf("--%s is about runs: it needs --rerun", name)
		}
	}
	return nil
}

// again returns the subject of -f with the targets to run: the manifest's containers, and the e2e commands of the flags, else
// those of the seals.
func (o *checkOptions) again(subject seals.Subject) (seals.Again, error) {
	out := seals.Again{Subject: subject}
	t, err := o.rerun.target.target("", o.command)
	if err != nil {
		return out, err
	}
	if len(t.Commands) == 0 {
		if t.Commands, err = seals.Commands(subject.Entries); err != nil {
			return out, err
		}
	}
	if err := trial.CheckCommands(t.Commands); err != nil {
		return out, err
	}
	if slices.Contains(o.input.Files, "-") {
		return out, errors.New("--rerun reads the manifests twice: give files, not stdin")
	}
	set, err := input.Read(o.input, t)
	if err != nil {
		return out, err
	}
	out.Job = batch.Job{Target: t, Files: set.Files}
	return out, out.Job.CheckTargets()
}

// againConfigured returns the subjects of a podseal.yaml with the targets to run.
func againConfigured(f *config.File, subjects []seals.Subject) ([]seals.Again, error) {
	var names []string
	for _, subject := range subjects {
		names = append(names, subject.Name)
	}
	if len(names) == 0 {
		return nil, nil
	}
	items, err := batch.Load(f, names, batch.LoadOptions{Now: time.Now()})
	if err != nil {
		return nil, err
	}
	var out []seals.Again
	for i, item := range items { // both have the order of the file
		out = append(out, seals.Again{Subject: subjects[i], Job: item.Job})
	}
	return out, nil
}

// proveAgain runs the subjects, and returns what is new against their seals.
func proveAgain(ctx context.Context, s streams, quiet bool, all []seals.Again) (found []finding.Finding, reports []report.Report, err error) {
	progress := s.progress(quiet)
	defer progress.Done()
	err = engines.With(ctx, engines.Options{Progress: progress.Step}, func(e *engines.Engine) error {
		for _, a := range all {
			s.redact.Hide(a.Job.Secrets()...)
			if err := a.Job.Preflight(ctx, e); err != nil {
				return err
			}
			o := searchOn(e, progress)
			o.Seal.Advise, o.Policy = sealing.Advice, report.Policy{Allow: a.Allowed()}
			own, shown, err := a.Rerun(ctx, e.Runs, o)
			if err != nil {
				return err
			}
			found, reports = append(found, own...), append(reports, shown...)
		}
		return nil
	})
	return found, reports, err
}
