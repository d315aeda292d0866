package input

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/podseal/podseal/internal/composefile"
	"github.com/podseal/podseal/internal/helmchart"
	"github.com/podseal/podseal/internal/infile"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/outfile"
	"github.com/podseal/podseal/internal/yamledit"
)

// reader reads manifests from files, folders and stdin.
type reader struct {
	stdin   io.Reader
	options manifest.Options
	charts  map[string]helmchart.Output // by the names of the files that they are read as
	notes   []string                    // on settings of Compose files that are left out
	chart   helmchart.Values
	service string  // the only service of Compose files to read
	without string  // the folder of a component that is left out
	skipped []error // the files of folders that are no manifests, each with the reason
}

func newReader(o Options) (*reader, error) {
	parameters, err := readParameters(o.Params)
	return &reader{
		stdin: o.Stdin, options: manifest.Options{PodPath: o.PodPath, Parameters: parameters},
		chart: o.Chart, service: o.Service, without: o.Replaces, charts: map[string]helmchart.Output{},
	}, err
}

// all reads the arguments. A file that is named twice is read once.
func (r *reader) all(ctx context.Context, names []string) ([]*File, error) {
	l := inputList{seen: map[string]bool{}}
	for _, name := range names {
		if err := r.one(ctx, &l, name); err != nil {
			return nil, err
		}
	}
	return l.inputs, nil
}

// inputList collects inputs, each once.
type inputList struct {
	inputs []*File
	seen   map[string]bool
}

// add reads one manifest.
func (r *reader) add(l *inputList, name, path string, read func() ([]byte, error)) error {
	if l.seen[name] {
		return nil
	}
	l.seen[name] = true
	data, err := read()
	if err != nil {
		return err
	}
	file, err := manifest.ParseWith(name, data, r.options)
	if err != nil {
		return manifest.Located(err)
	}
	l.inputs = append(l.inputs, &File{Manifest: file, Path: path})
	return nil
}

// one reads one argument.
func (r *reader) one(ctx context.Context, l *inputList, name string) error {
	if name == "-" {
		return r.add(l, "stdin", "", func() ([]byte, error) { return infile.ReadStream(ctx, r.stdin, "stdin") })
	}
	st, err := os.Stat(name)
	if err != nil {
		return outfile.Plain(err)
	}
	if helmchart.Is(name) {
		title := "output of chart " + filepath.Clean(name)
		return r.inTemplate(r.add(l, title, "", func() ([]byte, error) {
			out, err := helmchart.Render(ctx, name, r.chart)
			r.charts[title] = out
			return out.Text, err
		}))
	}
	if !st.IsDir() {
		return r.file(ctx, l, name)
	}
	if kustomizationIn(name) != "" {
		return r.add(l, "build of "+filepath.Clean(name), "", func() ([]byte, error) { return buildKustomization(ctx, name, r.without) })
	}
	return r.folder(ctx, l, name)
}

// inTemplate returns an error about a line of a chart's output as one about its template.
func (r *reader) inTemplate(err error) error {
	at := new(manifest.Error)
	if !errors.As(err, &at) {
		return err
	}
	origin := r.charts[at.File].Origin(at.Line)
	switch {
	case origin.File == "":
		return err
	case origin.Line == 0:
		return &manifest.Error{File: origin.File, Reason: fmt.Sprintf("line %d of the %s: %s", at.Line, at.File, at.Reason)}
	case origin.Text == "":
		return &manifest.Error{File: origin.File, Line: origin.Line, Reason: at.Reason}
	}
	return &manifest.Error{File: origin.File, Line: origin.Line, Reason: fmt.Sprintf("%s; this comes from %s", at.Reason, origin.Text)}
}

// file reads a file that the user names: a manifest, or a Compose file.
func (r *reader) file(ctx context.Context, l *inputList, name string) error {
	data, err := infile.Read(ctx, name)
	if err != nil || !composefile.Is(data) {
		return r.add(l, filepath.Clean(name), name, func() ([]byte, error) { return data, err })
	}
	if r.service != "" {
		return r.add(l, "service "+r.service+" of "+filepath.Clean(name), "", func() ([]byte, error) { return r.composeService(ctx, name, data) })
	}
	return r.add(l, "pod of "+filepath.Clean(name), "", func() ([]byte, error) {
		manifest, notes, err := composefile.Convert(ctx, name, data, os.Environ())
		r.notes = append(r.notes, notes...)
		return manifest, err
	})
}

func (r *reader) plain(ctx context.Context, l *inputList, name string) error {
	return r.add(l, filepath.Clean(name), name, func() ([]byte, error) { return infile.Read(ctx, name) })
}

// folder reads the manifests of a folder. Files that cannot be read or are no manifests are skipped, unless nothing is
// left. podseal.yaml is left out in silence.
func (r *reader) folder(ctx context.Context, l *inputList, name string) error {
	list, skipped, err := manifestsIn(name, r.without)
	if err != nil {
		return err
	}
	had := len(l.inputs)
	for _, file := range list {
		if _, err := os.Stat(file); err != nil { // a link that leads nowhere
			skipped = append(skipped, outfile.Plain(err))
		} else if err := r.plain(ctx, l, file); isUnreadable(err) {
			skipped = append(skipped, err)
		} else if err != nil {
			return err
		}
	}
	if len(l.inputs) == had && len(skipped) > 0 {
		return skipped[0]
	}
	r.skipped = append(r.skipped, slices.DeleteFunc(skipped, isOwn)...)
	return nil
}

// isOwn reports whether an error says that one of podseal's own files is no manifest.
func isOwn(err error) bool {
	at, foreign := new(manifest.Error), new(yamledit.ForeignError)
	return errors.As(err, &foreign) && errors.As(err, &at) && IsOwnFile(at.File)
}

// isUnreadable reports whether an error is about a file that cannot be read, or is no manifest at all.
func isUnreadable(err error) bool {
	var foreign *yamledit.ForeignError
	return errors.Is(err, fs.ErrPermission) || errors.As(err, &foreign)
}

// Bytes reads a file, or stdin for "-".
func Bytes(ctx context.Context, stdin io.Reader, name string) ([]byte, error) {
	if name == "-" {
		return infile.ReadStream(ctx, stdin, "stdin")
	}
	return infile.Read(ctx, name)
}
