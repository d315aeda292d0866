package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/outfile"
	"github.com/podseal/podseal/internal/podrun"
	"github.com/podseal/podseal/internal/redact"
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
	"size-limits", "redact", "engine", "kubeconfig", "context", "namespace", "run-namespace", "open-level", "image-source", "image-pull-secret",
	"claim-class", "quiet", "verbose", "help",
}

// readConfig reads a podseal.yaml.
func readConfig(name string) (*config.File, error) {
	source, err := os.ReadFile(name)
	if err != nil {
		return nil, asBadInput(outfile.Plain(err))
	}
	f, err := config.Parse(name, source)
	return f, asBadInput(err)
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
		return nil, nil, badInput("a COMMAND does not work with --config: %s names the e2e commands of each target", name)
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
			return badInput("--%s is about one target: write it into %s, or run an image or a manifest alone", flag, f.Name())
		}
	}
	if o.config.parallel < 0 {
		return badInput("--parallel %d: give a number above 0, or 0 for the default", o.config.parallel)
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
		return asBadInput(err)
	}
	for i := range items {
		hideSecrets(s, items[i].Job)
		items[i].Policy.Strict = items[i].Policy.Strict || o.strict
	}
	writer, err := batch.OpenAll(f, items)
	if err != nil {
		return asBadInput(err)
	}
	defer writer.Close()
	reports, err := deliver.Options{Reports: o.deliver.Reports, Format: deliver.FormatYAML}.Open(nil)
	if err != nil {
		return asBadInput(err)
	}
	defer reports.Close()
	o.printNotes(s, items)
	progress := report.NewProgress(s.err, report.ProgressOptions{Terminal: s.terminal, Quiet: o.quiet, Color: s.color, Width: s.width, Redact: s.redact.String})
	defer progress.Done()
	r := configRun{streams: s, options: o, items: items, writer: writer, results: make([]configResult, len(items))}
	err = o.engine.with(ctx, o.tracing == "off", progress, func(e runEngine, runs engine.Engine) error {
		if err := batch.PreflightAll(ctx, e, items); err != nil {
			return err
		}
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

// configRun is a run of the targets of a podseal.yaml.
type configRun struct {
	streams streams
	options runOptions
	items   []batch.Item
	writer  *batch.Writer
	results []configResult
}

// configResult is the end of one target.
type configResult struct {
	reports []report.Report
	err     error    // of the engine
	refused error    // the result could not be written
	hidden  []string // variables whose values the result does not show
}

// seal seals the targets, and writes the result of each that is sealed.
func (r *configRun) seal(ctx context.Context, e runEngine, runs engine.Engine, progress *report.Progress) {
	lines := make([]*report.TargetProgress, len(r.items))
	for i, item := range r.items {
		lines[i] = progress.Target(item.Name)
	}
	batch.All(ctx, runs, r.items, batch.AllOptions{
		Parallel: r.parallel(ctx, e),
		Options: func(i int) batch.Options {
			o := r.options.batchOptions(e.RunID(), progress)
			o.Seal.Progress, o.Seal.Running, o.Policy = lines[i].Step, lines[i].Begin, r.items[i].Policy
			return o
		},
		Finished: func(i int, f batch.Finished) { lines[i].End(r.finished(ctx, i, f)) },
	})
}

// memoryOfRun is how much memory the default of --parallel has for each run.
const memoryOfRun = 1 << 30

// parallel returns how many runs there are in parallel: by default one for each processor of the engine and each memoryOfRun
// of its memory.
func (r *configRun) parallel(ctx context.Context, e runEngine) int {
	if n := r.options.config.parallel; n > 0 {
		return n
	}
	on, ok := e.(*podrun.Engine)
	if !ok {
		return runtime.NumCPU()
	}
	d, err := on.Client().Describe(ctx)
	if err != nil || d.CPUs < 1 {
		return runtime.NumCPU()
	}
	return max(1, min(d.CPUs, int(d.Memory/memoryOfRun)))
}

// finished takes the results of a target, and writes them if it is sealed. It returns the result in a few words.
func (r *configRun) finished(ctx context.Context, i int, f batch.Finished) string {
	out := &r.results[i]
	if out.err = f.Err; f.Err != nil {
		if ctx.Err() != nil {
			return "interrupted"
		}
		return "failed: " + f.Err.Error()
	}
	for _, in := range f.Sealed {
		out.reports = append(out.reports, in.Reports(f.Item.Policy, r.streams.redact)...)
	}
	all := report.NewSeveral(out.reports)
	if all.ExitCode == exitSealed {
		for j := range f.Sealed {
			inputs, hidden := concealed([]deliver.Input{f.Sealed[j].Input}, r.streams.redact)
			f.Sealed[j].Input, out.hidden = inputs[0], append(out.hidden, hidden...)
		}
		written, err := r.writer.Write(i, f)
		out.refused = err
		for j, w := range written {
			out.reports[j].Written = w
		}
	}
	out.reports = redact.Apply(r.streams.redact, out.reports)
	for _, one := range out.reports {
		if one.ExitCode == all.ExitCode {
			return one.Verdict
		}
	}
	return "sealed"
}

// finish reports what was sealed, in the order of the file. The exit code is the gravest: an error, an open run that fails, a
// target that is not sealed.
func (r *configRun) finish(places *deliver.Places) error {
	s := r.streams
	var list []report.Report
	var failed []error
	for i, res := range r.results {
		list = append(list, res.reports...)
		for _, name := range res.hidden {
			fmt.Fprintf(s.err, "podseal: note: target %s: the value of %s is hidden in the result: set it where you deploy it\n", r.items[i].Name, safetext.Line(name))
		}
		for _, err := range []error{res.err, res.refused} {
			if err != nil {
				failed = append(failed, fmt.Errorf("target %s: %w", r.items[i].Name, err))
			}
		}
	}
	all := report.NewSeveral(list)
	if err := r.print(all); err != nil {
		return err
	}
	if err := r.options.reports.write(s, report.NewDocument(version, all), places.Write); err != nil {
		return err
	}
	if _, err := s.out.Write(r.writer.Stdout()); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	for _, err := range failed[:max(0, len(failed)-1)] {
		fmt.Fprintln(s.err, "podseal:", oneLine(err))
	}
	if len(failed) > 0 {
		return failed[len(failed)-1]
	}
	if all.ExitCode != exitSealed {
		return verdictError(all.ExitCode)
	}
	return nil
}

// print prints the reports on stderr, each below the name of its target.
func (r *configRun) print(all report.Several) error {
	s := r.streams
	if r.options.quiet {
		printFailures(s.err, all)
		return nil
	}
	opt := report.TextOptions{Width: s.width, Color: s.color, Verbose: r.options.verbose}
	for i, res := range r.results {
		if len(res.reports) == 0 {
			continue
		}
		item := r.items[i]
		if opt.Output = item.Deliver.Where(); item.Deliver.InPlace {
			opt.Output = "in " + strings.Join(item.Shape().Files, ", ")
		}
		fmt.Fprintf(s.err, "target %s\n", item.Name)
		if err := report.NewSeveral(res.reports).Text(s.err, opt); err != nil {
			return err
		}
		fmt.Fprintln(s.err)
	}
	return nil
}
