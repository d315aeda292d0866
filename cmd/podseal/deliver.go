package main

import (
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/emit"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/seal"
)

// deliverOptions are the flags that say where the result goes, and what it is.
type deliverOptions struct {
	output, format             string
	inPlace, diff, keepToken   bool
	networkPolicy, podSecurity string
}

func (o *deliverOptions) addFlags(f *pflag.FlagSet) {
	f.StringVarP(&o.output, "output", "o", "", "write the result to a `FILE` instead of stdout (for --format kustomize: a folder)")
	f.StringVar(&o.format, "format", formatYAML, "what the result is: "+strings.Join(formats(), ", "))
	f.BoolVar(&o.inPlace, "in-place", false, "write the seal into the files of -f themselves")
	f.BoolVar(&o.diff, "diff", false, "print what changes in the files of -f, as a unified diff")
	f.BoolVar(&o.keepToken, "keep-token", false, "leave the pod its service account token, even if nothing showed that it is used")
	f.StringVar(&o.networkPolicy, "network-policy", "", "also write to a `FILE` a NetworkPolicy that lets in the ports which were seen listening, and nothing else")
	f.StringVar(&o.podSecurity, "pod-security", "", "also write to a `FILE` the labels by which the namespace enforces the level restricted")
}

// The formats that have a meaning of their own here.
const (
	formatYAML      = "yaml"
	formatKustomize = "kustomize"
)

// formats are all values of --format.
func formats() []string {
	return []string{formatYAML, "strategic-merge", "json-patch", formatKustomize, "helm-values", "compose", "docker"}
}

// sealedInput is a manifest file, or an image alone, with what was sealed in it.
type sealedInput struct {
	file *manifest.File // nil for an image that was given alone
	path string         // the file that can be changed in place; empty for stdin and for what was built
	// sealed are the containers, in the order in which their results are reported.
	sealed []sealedContainer
}

// sealedContainer is one container with its seal.
type sealedContainer struct {
	pod  *manifest.Pod // nil for an image that was given alone
	name string        // of the container
	res  seal.Result
}

// delivery is all that is to be written, worked out before anything is.
type delivery struct {
	out      []byte      // to stdout or -o
	folder   []emit.File // to -o, in place of out
	replaced []replacement
	beside   []besideFile
	written  []*report.Written // for the report of each sealed container, in their order
	// failed is what was asked for beside the result and could not be made.
	failed error
}

// replacement is a file of the user's that changes.
type replacement struct {
	path        string
	before, now []byte
}

type besideFile struct {
	name string
	data []byte
}

// prepare makes all that is to be written of the sealed containers. It touches nothing.
func (o *deliverOptions) prepare(inputs []sealedInput) (delivery, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(emit.GCPercent(sizeOf(inputs))))
	var d delivery
	r, notes, err := o.render(&d, inputs)
	if err != nil {
		return delivery{}, err
	}
	if !allProved(inputs) {
		d.out = emit.Unproved(d.out)
		for i := range d.folder {
			d.folder[i].Data = emit.Unproved(d.folder[i].Data)
		}
	}
	companions := o.beside(&d, inputs)
	d.written = o.reported(inputs, r, notes, companions)
	return d, nil
}

func sizeOf(inputs []sealedInput) int {
	size := 0
	for _, in := range inputs {
		if in.file != nil {
			size += len(in.file.Source)
		}
	}
	return size
}

func allProved(inputs []sealedInput) bool {
	for _, in := range inputs {
		for _, c := range in.sealed {
			if _, ok := c.res.Proved(); !ok {
				return false
			}
		}
	}
	return true
}

// render makes the result in its format.
func (o *deliverOptions) render(d *delivery, inputs []sealedInput) (emit.Report, []string, error) {
	edits := o.edits(inputs)
	switch o.format {
	case formatYAML:
		r, err := o.manifests(d, inputs, edits)
		return r, nil, err
	case "strategic-merge":
		return patches(d, inputs, edits, emit.StrategicMerge)
	case "json-patch":
		return patches(d, inputs, edits, emit.JSONPatch)
	case formatKustomize:
		var files []*manifest.File
		for _, in := range inputs {
			files = append(files, in.file)
		}
		folder, r, err := emit.Kustomize(files, slices.Concat(edits...))
		d.folder = folder
		return r, nil, err
	case "helm-values":
		return view(d, o.inputs(inputs), emit.HelmValues)
	case "compose":
		return view(d, o.inputs(inputs), emit.Compose)
	default:
		return view(d, o.inputs(inputs), emit.DockerRun)
	}
}

func view(d *delivery, all []emit.Input, write func([]emit.Input) (emit.View, error)) (emit.Report, []string, error) {
	v, err := write(all)
	d.out = v.Text
	return emit.Report{}, v.Notes, err
}

// patches writes the patches of each file.
func patches(
	d *delivery, inputs []sealedInput, edits [][]emit.Edit, write func(*manifest.File, []emit.Edit) ([]byte, emit.Report, error),
) (all emit.Report, _ []string, err error) {
	var parts [][]byte
	for i, in := range inputs {
		if len(edits[i]) == 0 {
			continue
		}
		out, r, err := write(in.file, edits[i])
		if err != nil {
			return all, nil, err
		}
		parts = append(parts, out)
		all.Changes = append(all.Changes, r.Changes...)
	}
	d.out = emit.Join(parts)
	return all, nil, nil
}

// manifests writes whole manifests, or what changes in them.
func (o *deliverOptions) manifests(d *delivery, inputs []sealedInput, edits [][]emit.Edit) (all emit.Report, err error) {
	var parts, diffs [][]byte
	for i, in := range inputs {
		if in.file == nil {
			for _, c := range in.sealed {
				out, err := emit.Pod(o.input(c))
				if err != nil {
					return all, err
				}
				parts = append(parts, out)
			}
			continue
		}
		out, r, err := emit.Splice(in.file, edits[i])
		if err != nil {
			return all, err
		}
		parts = append(parts, out)
		diffs = append(diffs, r.Diff(diffName(in.file.Name), in.file.Source))
		all.Changes = append(all.Changes, r.Changes...)
		if o.inPlace && string(out) != string(in.file.Source) {
			d.replaced = append(d.replaced, replacement{in.path, in.file.Source, out})
		}
	}
	switch {
	case o.diff:
		d.out = slices.Concat(diffs...)
	case !o.inPlace:
		d.out = emit.Join(parts)
	}
	return all, nil
}

// edits are the profiles of each input's containers, as the manifest takes them.
func (o *deliverOptions) edits(inputs []sealedInput) [][]emit.Edit {
	out := make([][]emit.Edit, len(inputs))
	for i, in := range inputs {
		for _, c := range in.sealed {
			if c.pod == nil {
				continue
			}
			why, used := o.tokenUse(inputs, c)
			out[i] = append(out[i], emit.Edit{Pod: c.pod, Container: c.name, Profile: c.res.Profile, NoToken: !used, TokenWhy: why})
		}
	}
	return out
}

// inputs are the containers of the formats that are no patches.
func (o *deliverOptions) inputs(inputs []sealedInput) []emit.Input {
	var out []emit.Input
	for _, in := range inputs {
		for _, c := range in.sealed {
			out = append(out, o.input(c))
		}
	}
	return out
}

func (o *deliverOptions) input(c sealedContainer) emit.Input {
	_, used := o.tokenUse(nil, c)
	out := emit.Input{Name: c.name, Target: c.res.Target, Facts: c.res.Image, Profile: c.res.Profile, Pod: c.pod, KeepToken: used}
	if o.networkPolicy != "" && c.pod == nil {
		out.Labels = imageLabels(c)
	}
	return out
}

// write puts everything where it belongs: first the result, then what stands beside it.
func (d delivery) write(o deliverOptions, out io.Writer) error {
	if err := d.writeResult(o, out); err != nil {
		return err
	}
	for _, f := range d.beside {
		if err := writeFile(f.name, f.data); err != nil {
			return err
		}
	}
	return d.failed
}

func (d delivery) writeResult(o deliverOptions, out io.Writer) error {
	for _, r := range d.replaced {
		if err := replaceFile(r); err != nil {
			return err
		}
	}
	switch {
	case d.folder != nil:
		return writeFolder(o.output, d.folder)
	case o.inPlace && !o.diff:
		return nil
	case o.output != "":
		return writeFile(o.output, d.out)
	}
	if _, err := out.Write(d.out); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}
