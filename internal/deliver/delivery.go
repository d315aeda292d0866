package deliver

import (
	"errors"
	"fmt"
	"io"

	"github.com/podseal/podseal/internal/emit"
	"github.com/podseal/podseal/internal/outfile"
	"github.com/podseal/podseal/internal/report"
)

// Delivery is everything that is to be written, in memory.
type Delivery struct {
	// Written are for the reports of the containers, in the order of the inputs.
	Written []*report.Written

	options    Options
	result     rendered
	companions []companion
}

// Prepare renders the result and its companions.
func (o Options) Prepare(inputs []Input) (Delivery, error) {
	r, err := o.render(inputs)
	if err != nil {
		return Delivery{}, err
	}
	if !proved(inputs) {
		r.text = emit.Unproved(r.text)
		for i := range r.folder {
			r.folder[i].Data = emit.Unproved(r.folder[i].Data)
		}
	}
	d := Delivery{options: o, result: r, companions: o.companions(inputs)}
	var made []report.Companion
	for _, c := range d.companions {
		if c.err == nil {
			made = append(made, c.reported())
		}
	}
	d.Written = o.written(inputs, r, made)
	return d, nil
}

// Write writes the result, and then its companions. A companion that could not be made is an error after everything else
// is written: a run that took minutes is not lost for it.
func (d Delivery) Write(places *Places, stdout io.Writer) error {
	if err := d.writeResult(places, stdout); err != nil {
		return err
	}
	var failed error
	for _, c := range d.companions {
		if c.err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s was not written: %w", c.file, c.err))
			continue
		}
		if err := places.Write(c.file, c.data); err != nil {
			return err
		}
	}
	return failed
}

// Replaced returns the new content of the input files that Write changes in place, by path.
func (d Delivery) Replaced() map[string][]byte {
	out := map[string][]byte{}
	for _, r := range d.result.replaced {
		out[r.path] = r.now
	}
	return out
}

func (d Delivery) writeResult(places *Places, stdout io.Writer) error {
	for _, r := range d.result.replaced {
		if err := places.replace(r); err != nil {
			return err
		}
	}
	switch {
	case d.result.folder != nil:
		return places.writeFolder(d.result.folder)
	case d.options.InPlace && !d.options.Diff:
		return nil
	case d.options.Output != "":
		return places.Write(d.options.Output, d.result.text)
	}
	if _, err := stdout.Write(d.result.text); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

// asFiles converts the files of a format into those of a folder on the disk.
func asFiles(files []emit.File) []outfile.File {
	out := make([]outfile.File, len(files))
	for i, f := range files {
		out[i] = outfile.File{Name: f.Name, Data: f.Data}
	}
	return out
}
