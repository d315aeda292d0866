package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/engines"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/infile"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/result"
)

// configOptions are the flags about podseal.yaml.
type configOptions struct {
	file     string
	parallel int
}

// sharedFlags are the flags of podseal run that do not describe one target. They hold for all targets of a podseal.yaml.
var sharedFlags = []string{
	"config", "parallel", "report", "plan-only", "minimize", "trace", "patience", "strict", "allow", "seed-image", "kubernetes-version",
	"size-limits", "redact", "engine", "kubeconfig", "context", "namespace", "run-namespace", "open-level", "image-source", "image-mirror",
	"image-pull-secret", "claim-class", "quiet", "verbose", "help",
}

// readConfig reads a podseal.yaml.
func readConfig(ctx context.Context, name string) (*config.File, error) {
	source, err := infile.Read(ctx, name)
	if err != nil {
		return nil, exitcode.BadInput(err)
	}
	f, err := config.Parse(name, source)
	return f, exitcode.BadInput(err)
}

// configTargets decides whether a run is one of podseal.yaml: with --config; or without IMAGE, -f and COMMAND, where
// podseal.yaml is in the working directory and every argument names one of its targets. The file is nil for any other run.
func (o *runOptions) configTargets(ctx context.Context, first, command []string) (*config.File, []string, error) {
	name := o.config.file
	if name == "" {
		if len(o.input.Files) > 0 || len(command) > 0 || len(o.target.execs) > 0 {
			return nil, nil, nil
		}
		name = config.DefaultName
		if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
			return nil, nil, nil
		}
	} else if len(command) > 0 {
		return nil, nil, exitcode.BadInputf("a COMMAND does not work with --config: %s names the e2e commands of each target", name)
	}
	f, err := readConfig(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	if o.config.file == "" && len(first) > 0 && !slices.Contains(f.TargetNames(), first[0]) {
		return nil, nil, nil // an image
	}
	return f, first, o.checkConfigFlags(f)
}

// checkConfigFlags refuses flags that describe one target.
func (o *runOptions) checkConfigFlags(f *config.File) error {
	for _, flag := range o.changed() {
		if !slices.Contains(sharedFlags, flag) {
			return exitcode.BadInputf("--%s is about one target: write it into %s, or run an image or a manifest alone", flag, f.Name())
		}
	}
	if o.config.parallel < 0 {
		return exitcode.BadInputf("--parallel %d: give a number above 0, or 0 for the default", o.config.parallel)
	}
	return nil
}

// runConfig seals targets of a podseal.yaml. Everything that the input alone decides is refused before the first run of any.
func runConfig(ctx context.Context, o runOptions, s streams, f *config.File, names []string) error {
	if err := o.redact.apply(s); err != nil {
		return err
	}
	if err := o.checkWords(); err != nil {
		return err
	}
	items, err := batch.Load(ctx, f, names, batch.LoadOptions{Now: time.Now(), Allow: o.allow, PlanOnly: o.planOnly})
	if err != nil {
		return exitcode.BadInput(err)
	}
	for i := range items {
		s.redact.Hide(items[i].Secrets()...)
		items[i].Policy.Strict = items[i].Policy.Strict || o.strict
	}
	writer, err := batch.OpenAll(f, items)
	if err != nil {
		return exitcode.BadInput(err)
	}
	defer writer.Close()
	reports, err := deliver.Options{Reports: o.deliver.Reports, Format: config.FormatYAML}.Open(nil)
	if err != nil {
		return exitcode.BadInput(err)
	}
	defer reports.Close()
	for i := range items {
		for _, note := range items[i].Notes {
			o.notes(s, []string{"target " + items[i].Name + ": " + note})
		}
		if o.planOnly {
			items[i].SealFile = "" // a plan has no proof
		}
	}
	progress := s.progress(o.quiet)
	defer progress.Done()
	var made *result.Targets
	err = engines.With(ctx, o.engine.options(o.tracing == "off", progress), func(e *engines.Engine) error {
		parallel := o.config.parallel
		if parallel == 0 {
			parallel = e.Parallel(ctx)
		}
		if err := batch.PreflightAll(ctx, e, items, parallel); err != nil {
			return err
		}
		offers, err := batch.SeedOffers(ctx, e, o.cluster.seedImage, o.cluster.imageVolumes(), items)
		if err != nil {
			return err
		}
		made = result.NewTargets(items, writer, result.Options{Redact: s.redact, Run: runOf(ctx, e, o.cluster.kubernetes), Folder: f.Folder()})
		o.sealAll(ctx, e, items, parallel, offers, made, progress)
		return context.Cause(ctx)
	})
	progress.Done()
	if err != nil {
		return err
	}
	all, failed := made.End()
	return o.finishAll(s, made, all, failed, reports, writer.Stdout())
}

// sealAll seals the targets in parallel, and writes the result of each that is sealed.
func (o *runOptions) sealAll(ctx context.Context, e *engines.Engine, items []batch.Item, parallel int, offers map[string]plan.SeedOffer, made *result.Targets, progress *report.Progress) {
	lines := make([]*report.TargetProgress, len(items))
	for i, item := range items {
		lines[i] = progress.Target(item.Name)
	}
	batch.All(ctx, e.Runs, items, batch.AllOptions{
		Parallel: parallel,
		Options: func(i int) batch.Options {
			own := o.search(e, progress)
			own.Seal.SeedOffers = offers
			own.Seal.Progress, own.Seal.Running, own.Policy = lines[i].Step, lines[i].Begin, items[i].Policy
			return own
		},
		Finished: func(i int, f batch.Finished) { lines[i].End(made.Finished(ctx, i, f)) },
	})
}

// finishAll reports what was sealed, in the order of the file. The exit code is the gravest: an error, an open run that fails, a
// target that is not sealed.
func (o *runOptions) finishAll(s streams, made *result.Targets, all report.Several, failed []error, places *deliver.Places, stdout []byte) error {
	made.Hidden(func(target, variable string) {
		s.note(fmt.Sprintf("target %s: the value of %s is hidden in the result: set it where you deploy it", target, variable))
	})
	if o.quiet {
		s.printLines(all.Failures())
	} else if err := made.Text(s.err, report.TextOptions{Width: s.width, Color: s.color, Verbose: o.verbose}); err != nil {
		return err
	}
	if err := o.reports.write(s, report.NewDocument(version, all), places.Write); err != nil {
		return err
	}
	if _, err := s.out.Write(stdout); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	for _, err := range failed[:max(0, len(failed)-1)] {
		fmt.Fprintln(s.err, "podseal:", oneLine(err))
	}
	if len(failed) > 0 {
		return failed[len(failed)-1]
	}
	if all.ExitCode != exitcode.Sealed {
		return verdictError(all.ExitCode)
	}
	return nil
}
