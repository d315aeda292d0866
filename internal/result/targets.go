package result

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/safetext"
)

// Targets are the results of the targets of a podseal.yaml. Each target is written when it is sealed.
type Targets struct {
	items   []batch.Item
	writer  *batch.Writer
	options Options
	ended   []ended
}

// ended is the end of one target.
type ended struct {
	reports []report.Report
	err     error    // of the engine
	refused error    // the result could not be written
	hidden  []string // variables whose values the result does not show
}

// NewTargets returns the results of items that have not ended.
func NewTargets(items []batch.Item, w *batch.Writer, o Options) *Targets {
	return &Targets{items: items, writer: w, options: o, ended: make([]ended, len(items))}
}

// Finished takes the results of a target, and writes them if it is sealed. It returns the result in a few words. It is not safe
// for concurrent use.
func (t *Targets) Finished(ctx context.Context, i int, f batch.Finished) string {
	out := &t.ended[i]
	if out.err = f.Err; f.Err != nil {
		if ctx.Err() != nil {
			return "interrupted"
		}
		return "failed: " + f.Err.Error()
	}
	f.Item.Deliver.PoliciesLater = true
	r := of(f.Item, f.Sealed, t.options, t.writer.Current)
	out.reports = r.Reports.Reports
	if r.Reports.ExitCode == exitcode.Sealed {
		out.hidden = r.Hidden
		out.refused = t.write(i, r)
	} else {
		t.writer.Observed(i, f)
	}
	for _, one := range out.reports {
		if one.ExitCode == r.Reports.ExitCode {
			return one.Verdict
		}
	}
	return "sealed"
}

// write writes the result of a sealed target, without its network policies, and its seal file.
func (t *Targets) write(i int, r Result) error {
	if r.Refused != nil {
		return r.Refused
	}
	if err := t.writer.Write(i, r.item, r.inputs, r.delivery); err != nil {
		for j := range r.Reports.Reports {
			r.Reports.Reports[j].Written = nil
		}
		return err
	}
	return r.writeSeal(t.writer.Places(i))
}

// End writes the network policies, which need all results, and returns the reports, in the order of the items. The errors name
// their targets.
func (t *Targets) End() (all report.Several, failed []error) {
	t.writer.WritePolicies(t.items, t.tookPolicies)
	var list []report.Report
	var lost []report.TargetError
	for i, e := range t.ended {
		name := t.items[i].Name
		list = append(list, e.reports...)
		for _, err := range []error{e.err, e.refused} {
			if err != nil {
				failed = append(failed, fmt.Errorf("target %s: %w", name, err))
			}
		}
		if e.err != nil {
			lost = append(lost, report.TargetError{Target: name, Message: safetext.OneLine(e.err.Error())})
		}
	}
	all = report.NewSeveral(list)
	all.Errors = redact.Apply(t.options.Redact, lost)
	return all, failed
}

// Hidden calls f with each variable whose value a result does not show, and its target.
func (t *Targets) Hidden(f func(target, variable string)) {
	for i, e := range t.ended {
		for _, variable := range e.hidden {
			f(t.items[i].Name, variable)
		}
	}
}

// Text writes the reports, each below the name of its target.
func (t *Targets) Text(w io.Writer, opt report.TextOptions) error {
	for i, e := range t.ended {
		if len(e.reports) == 0 {
			continue
		}
		item := t.items[i]
		if opt.Output = item.Deliver.Where(); item.Deliver.InPlace {
			opt.Output = "in " + strings.Join(item.Shape().Files, ", ")
		}
		fmt.Fprintf(w, "target %s\n", item.Name)
		if err := report.NewSeveral(e.reports).Text(w, opt); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	return nil
}

// tookPolicies adds the network policies of a target to its reports.
func (t *Targets) tookPolicies(i int, made *report.Companion, err error) {
	out := &t.ended[i]
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
