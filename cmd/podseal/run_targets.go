package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/engines"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/safetext"
	"github.com/podseal/podseal/internal/sealfile"
	"github.com/podseal/podseal/internal/seals"
)

// configRun is a run of the targets of a podseal.yaml.
type configRun struct {
	folder  string // of podseal.yaml
	streams streams
	options runOptions
	items   []batch.Item
	writer  *batch.Writer
	results []configResult
	about   sealfile.Run
}

// configResult is the end of one target.
type configResult struct {
	reports []report.Report
	err     error    // of the engine
	refused error    // the result could not be written
	hidden  []string // variables whose values the result does not show
}

// seal seals the targets, and writes the result of each that is sealed.
func (r *configRun) seal(ctx context.Context, e *engines.Engine, progress *report.Progress) {
	lines := make([]*report.TargetProgress, len(r.items))
	for i, item := range r.items {
		lines[i] = progress.Target(item.Name)
	}
	batch.All(ctx, e.Runs, r.items, batch.AllOptions{
		Parallel: r.parallel(ctx, e),
		Options: func(i int) batch.Options {
			o := r.options.batchOptions(e, progress)
			o.Seal.Progress, o.Seal.Running, o.Policy = lines[i].Step, lines[i].Begin, r.items[i].Policy
			return o
		},
		Finished: func(i int, f batch.Finished) { lines[i].End(r.finished(ctx, i, f)) },
	})
}

// parallel returns how many runs there are in parallel.
func (r *configRun) parallel(ctx context.Context, e *engines.Engine) int {
	if n := r.options.config.parallel; n > 0 {
		return n
	}
	return e.Parallel(ctx)
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
	if all.ExitCode == exitcode.Sealed {
		for j := range f.Sealed {
			inputs, hidden := deliver.Concealed([]deliver.Input{f.Sealed[j].Input}, r.streams.redact)
			f.Sealed[j].Input, out.hidden = inputs[0], append(out.hidden, hidden...)
		}
		written, err := r.writer.Write(i, f) // but for network policies, see finish
		if out.refused = err; err == nil {
			out.refused = r.writeSeal(i, f)
		}
		for j, w := range written {
			out.reports[j].Written = w
		}
	} else {
		r.writer.Observed(i, f)
	}
	out.reports = redact.Apply(r.streams.redact, out.reports)
	for _, one := range out.reports {
		if one.ExitCode == all.ExitCode {
			return one.Verdict
		}
	}
	return "sealed"
}

// writeSeal writes the seal file of a target, if it has one.
func (r *configRun) writeSeal(i int, f batch.Finished) error {
	if f.Item.SealFile == "" || r.options.planOnly {
		return nil
	}
	o := sealfile.Options{Target: f.Item.Name, Read: seals.ReadScript(r.folder), Run: r.about}
	for _, a := range f.Item.Accepted {
		o.Accepted = append(o.Accepted, sealfile.Acceptance{Setting: a.Setting, Reason: a.Reason, Expires: string(a.Expires)})
	}
	var all []sealfile.Seal
	for _, in := range f.Sealed {
		made, err := seals.Of(in, o, nil)
		if err != nil {
			return err
		}
		all = append(all, made...)
	}
	text, err := sealfile.Encode(redact.Apply(r.streams.redact, all)...)
	if err != nil {
		return err
	}
	return r.writer.WriteSeal(i, f.Item, text)
}

// finish reports what was sealed, in the order of the file. The exit code is the gravest: an error, an open run that fails, a
// target that is not sealed.
func (r *configRun) finish(places *deliver.Places) error {
	s := r.streams
	r.writer.WritePolicies(r.items, r.tookPolicies)
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
	all.Errors = redact.Apply(s.redact, r.errors())
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
	if all.ExitCode != exitcode.Sealed {
		return verdictError(all.ExitCode)
	}
	return nil
}

// tookPolicies adds the network policies of a target to its reports.
func (r *configRun) tookPolicies(i int, made *report.Companion, err error) {
	out := &r.results[i]
	out.refused = errors.Join(out.refused, err)
	if made == nil {
		return
	}
	for _, one := range out.reports {
		if one.Written != nil {
			one.Written.Alongside = append(one.Written.Alongside, *made)
		}
	}
}

// print prints the reports on stderr, each below the name of its target.
func (r *configRun) print(all report.Several) error {
	s := r.streams
	if r.options.quiet {
		s.printLines(all.Failures())
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

// errors returns the errors of the targets that have no report.
func (r *configRun) errors() []report.TargetError {
	var out []report.TargetError
	for i, res := range r.results {
		if res.err != nil {
			out = append(out, report.TargetError{Target: r.items[i].Name, Message: oneLine(res.err)})
		}
	}
	return out
}
