// Package result turns what was sealed into reports, manifests and seal files.
package result

import (
	"io"

	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/sealfile"
	"github.com/podseal/podseal/internal/seals"
)

// Options say what results are made with.
type Options struct {
	Redact *redact.Redactor // hides secrets
	Run    sealfile.Run     // for seal files
	Merged seals.Merged     // the seals that the results include
	Folder string           // of the scripts that e2e commands name
}

// Result is the result of one item.
type Result struct {
	Reports report.Several
	// Hidden are the variables whose values the result does not show.
	Hidden []string
	// Refused says why the result cannot be written as it was asked for; the report is due all the same.
	Refused error

	item     batch.Item
	sealed   []batch.Sealed
	options  Options
	inputs   []deliver.Input // that the delivery was made of
	delivery deliver.Delivery
}

// Of returns the result of an item. It writes nothing.
func Of(item batch.Item, sealed []batch.Sealed, o Options) Result {
	return of(item, sealed, o, func(inputs []deliver.Input) ([]deliver.Input, error) { return inputs, nil })
}

// of returns the result of an item. The result is delivered into what current returns of its inputs.
func of(item batch.Item, sealed []batch.Sealed, o Options, current func([]deliver.Input) ([]deliver.Input, error)) Result {
	r := Result{item: item, sealed: sealed, options: o}
	var list []report.Report
	var inputs []deliver.Input
	for _, in := range sealed {
		inputs = append(inputs, in.Input)
		list = append(list, in.Reports(item.Policy, o.Redact)...)
	}
	all := report.NewSeveral(list)
	r.inputs, r.Hidden = deliver.Concealed(inputs, o.Redact)
	if all.ExitCode == exitcode.Sealed {
		if r.inputs, r.Refused = current(r.inputs); r.Refused == nil {
			r.delivery, r.Refused = item.Deliver.Prepare(r.inputs)
		}
		if r.Refused != nil {
			r.Refused = exitcode.BadInput(manifest.Located(r.Refused))
		}
	}
	for i, w := range r.delivery.Written {
		all.Reports[i].Written = w
	}
	r.Reports = redact.Apply(o.Redact, all)
	return r
}

// Write writes the result of a sealed item, with its companions and its seal file.
func (r Result) Write(places *deliver.Places, stdout io.Writer) error {
	if err := r.delivery.Write(places, stdout); err != nil {
		return err
	}
	return r.writeSeal(places)
}

// writeSeal writes the seal file of a sealed item, if it has one.
func (r Result) writeSeal(places *deliver.Places) error {
	if r.item.SealFile == "" {
		return nil
	}
	text, err := sealText(r.item, r.sealed, r.options)
	if err != nil {
		return err
	}
	return places.Write(r.item.SealFile, text)
}

// sealText returns the seal file of an item, a document for each container.
func sealText(item batch.Item, sealed []batch.Sealed, o Options) ([]byte, error) {
	with := sealfile.Options{Target: item.Name, Read: seals.ReadScript(o.Folder), Run: o.Run}
	for _, a := range item.Accepted {
		with.Accepted = append(with.Accepted, sealfile.Acceptance{Setting: a.Setting, Reason: a.Reason, Expires: string(a.Expires)})
	}
	var all []sealfile.Seal
	for _, in := range sealed {
		made, err := seals.Of(in, with, o.Merged)
		if err != nil {
			return nil, err
		}
		all = append(all, made...)
	}
	return sealfile.Encode(sealfile.Redacted(all, o.Redact)...)
}
