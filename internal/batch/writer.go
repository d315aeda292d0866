package batch

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/report"
)

// Writer writes the results of the items of a podseal.yaml, each when the item is sealed. It is not safe for concurrent use.
type Writer struct {
	places []*deliver.Places // of each item
	// changed is the content of the files that were changed in place. Another item may have a container in the same file.
	changed map[string][]byte
	stdout  []bytes.Buffer // of each item

	written []written
	others  []string // targets of the file that are not among the items
}

// written is an item whose result was written, or whose runs have ended.
type written struct {
	index  int
	item   Item
	inputs []deliver.Input
	sealed bool
}

// OpenAll prepares the files of all items, and refuses those that cannot be written. Close must be called on the Writer.
func OpenAll(f *config.File, items []Item) (*Writer, error) {
	w := &Writer{changed: map[string][]byte{}, stdout: make([]bytes.Buffer, len(items))}
	for _, name := range f.TargetNames() {
		if !slices.ContainsFunc(items, func(i Item) bool { return i.Name == name }) {
			w.others = append(w.others, name)
		}
	}
	for _, item := range items {
		files := item.Deliver
		if item.SealFile != "" {
			files.Reports = []string{item.SealFile}
		}
		places, err := files.Open(item.Shape().Files)
		if err != nil {
			w.Close()
			_, index := f.Target(item.Name)
			return nil, f.Fail(fmt.Sprintf("targets[%d].outputs", index), "target %s: %v", item.Name, err)
		}
		w.places = append(w.places, places)
	}
	return w, nil
}

// Close releases the files. It may be called more than once.
func (w *Writer) Close() {
	for _, places := range w.places {
		places.Close()
	}
}

// Write writes the prepared result of a sealed item, which was made of the inputs. The result of an item without a file is kept
// for Stdout.
func (w *Writer) Write(index int, item Item, inputs []deliver.Input, d deliver.Delivery) error {
	if err := d.Write(w.places[index], &w.stdout[index]); err != nil {
		return err
	}
	for path, content := range d.Replaced() {
		w.changed[filepath.Clean(path)] = content
	}
	w.written = append(w.written, written{index: index, item: item, inputs: inputs, sealed: true})
	return nil
}

// Observed notes an item that was not sealed: its runs show where it connects to all the same.
func (w *Writer) Observed(index int, f Finished) {
	one := written{index: index, item: f.Item}
	for _, in := range f.Sealed {
		one.inputs = append(one.inputs, in.Input)
	}
	w.written = append(w.written, one)
}

// WritePolicies writes the NetworkPolicies of the items that Write has written: only the results of all items show the
// connections between them. For each item it calls done with what was written, which may be nil, and with the error.
func (w *Writer) WritePolicies(items []Item, done func(index int, made *report.Companion, err error)) {
	var inputs []deliver.Input
	missing := slices.Clone(w.others)
	for i, item := range items {
		at := slices.IndexFunc(w.written, func(o written) bool { return o.index == i })
		if at < 0 || len(w.written[at].inputs) == 0 {
			missing = append(missing, item.Name)
			continue
		}
		inputs = append(inputs, w.written[at].inputs...)
	}
	network := deliver.NewNetwork(inputs)
	network.Missing = missing
	for _, one := range w.written {
		if !one.sealed {
			continue
		}
		made, err := one.item.Deliver.WritePolicies(network, one.inputs, w.places[one.index])
		done(one.index, made, err)
	}
}

// Places returns the files of an item.
func (w *Writer) Places(index int) *deliver.Places { return w.places[index] }

// Current returns inputs with their manifests as other items left them.
func (w *Writer) Current(inputs []deliver.Input) ([]deliver.Input, error) {
	out := make([]deliver.Input, len(inputs))
	for i, in := range inputs {
		var err error
		if out[i], err = w.current(in); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// current returns an input with its manifest as another item left it.
func (w *Writer) current(in deliver.Input) (deliver.Input, error) {
	content, changed := w.changed[filepath.Clean(in.Path)]
	if in.Path == "" || !changed {
		return in, nil
	}
	file, err := manifest.ParseWith(in.File.Name, content, in.File.Options)
	if err != nil {
		return in, fmt.Errorf("reading %s as another target left it: %w", in.Path, manifest.Located(err))
	}
	out := deliver.Input{File: file, Path: in.Path, Containers: slices.Clone(in.Containers)}
	for i, c := range out.Containers {
		at := slices.Index(in.File.Pods, c.Pod)
		if at < 0 || at >= len(file.Pods) {
			return in, fmt.Errorf("%s has not the pods any more that it had before another target was written into it (this is a fault of podseal)", in.Path)
		}
		out.Containers[i].Pod = file.Pods[at]
	}
	return out, nil
}

// Stdout returns the results that no file takes, in the order of the items: the documents of one stream.
func (w *Writer) Stdout() []byte {
	var out bytes.Buffer
	for i := range w.stdout {
		text := w.stdout[i].Bytes()
		if len(text) == 0 {
			continue
		}
		if out.Len() > 0 && !bytes.HasPrefix(text, []byte("---\n")) {
			out.WriteString("---\n")
		}
		out.Write(text)
	}
	return out.Bytes()
}
