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
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/outfile"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/safetext"
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
func readConfig(name string) (*config.File, error) {
	source, err := os.ReadFile(name)
	if err != nil {
		return nil, exitcode.BadInput(outfile.Plain(err))
	}
	f, err := config.Parse(name, source)
	return f, exitcode.BadInput(err)
}

// configTargets decides whether a run is one of podseal.yaml: with --config; or without IMAGE, -f and COMMAND, where
// podseal.yaml is in the working directory and every argument names one of its targets. The file is nil for any other run.
func (o *runOptions) configTargets(first, command []string) (*config.File, []string, error) {
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
	f, err := readConfig(name)
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
	items, err := batch.Load(f, names, batch.LoadOptions{Now: time.Now(), Allow: o.allow, PlanOnly: o.planOnly})
	if err != nil {
		return exitcode.BadInput(err)
	}
	for i := range items {
		hideSecrets(s, items[i].Job)
		items[i].Policy.Strict = items[i].Policy.Strict || o.strict
	}
	writer, err := batch.OpenAll(f, items)
	if err != nil {
		return exitcode.BadInput(err)
	}
	defer writer.Close()
	reports, err := deliver.Options{Reports: o.deliver.Reports, Format: deliver.FormatYAML}.Open(nil)
	if err != nil {
		return exitcode.BadInput(err)
	}
	defer reports.Close()
	o.printNotes(s, items)
	progress := report.NewProgress(s.err, report.ProgressOptions{Terminal: s.terminal, Quiet: o.quiet, Color: s.color, Width: s.width, Redact: s.redact.String})
	defer progress.Done()
	r := configRun{folder: f.Folder(), streams: s, options: o, items: items, writer: writer, results: make([]configResult, len(items))}
	err = o.engine.with(ctx, o.tracing == "off", progress, func(e runEngine, runs engine.Engine) error {
		if err := batch.PreflightAll(ctx, e, items, r.parallel(ctx, e)); err != nil {
			return err
		}
		r.about = sealRun(ctx, e, o.cluster.kubernetes)
		r.seal(ctx, e, runs, progress)
		return context.Cause(ctx)
	})
	progress.Done()
	if err != nil {
		return err
	}
	return r.finish(reports)
}

// printNotes prints what a user should know before the runs.
func (o *runOptions) printNotes(s streams, items []batch.Item) {
	if o.quiet {
		return
	}
	for _, item := range items {
		for _, note := range item.Notes {
			fmt.Fprintln(s.err, "podseal: note:", safetext.Line("target "+item.Name+": "+note))
		}
	}
}
