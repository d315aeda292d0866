package deliver

import (
	"slices"

	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/emit"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/outfile"
)

// rendered is the result in its format.
type rendered struct {
	text     []byte      // for stdout or a file
	folder   []emit.File // in place of text
	replaced []replacement
	changes  []emit.Change
	notes    []string // what the format could not express
}

// replacement is an input file that changes.
type replacement struct {
	path     string
	old, now []byte
}

func (o Options) render(inputs []Input) (rendered, error) {
	edits := o.edits(inputs)
	switch o.Format {
	case config.FormatYAML:
		return o.manifests(inputs, edits)
	case config.FormatStrategicMerge:
		return patches(inputs, edits, emit.StrategicMerge)
	case config.FormatJSONPatch:
		return patches(inputs, edits, emit.JSONPatch)
	case config.FormatKustomize:
		folder, r, err := emit.Kustomize(manifests(inputs), slices.Concat(edits...))
		return rendered{folder: folder, changes: r.Changes}, err
	case config.FormatHelmValues:
		return view(o.emitInputs(inputs), emit.HelmValues)
	case config.FormatCompose:
		return view(o.emitInputs(inputs), emit.Compose)
	default:
		return view(o.emitInputs(inputs), emit.DockerRun)
	}
}

func view(all []emit.Input, write func([]emit.Input) (emit.View, error)) (rendered, error) {
	v, err := write(all)
	return rendered{text: v.Text, notes: v.Notes}, err
}

// patches renders the patches of each file.
func patches(
	inputs []Input, edits [][]emit.Edit, write func(*manifest.File, []emit.Edit) ([]byte, emit.Report, error),
) (out rendered, err error) {
	var parts [][]byte
	for i, in := range inputs {
		if len(edits[i]) == 0 {
			continue
		}
		text, r, err := write(in.File, edits[i])
		if err != nil {
			return out, err
		}
		parts = append(parts, text)
		out.changes = append(out.changes, r.Changes...)
	}
	out.text = emit.Join(parts)
	return out, nil
}

// manifests renders whole manifests, or their differences.
func (o Options) manifests(inputs []Input, edits [][]emit.Edit) (out rendered, err error) {
	var parts, diffs [][]byte
	base := patchBase(inputs)
	for i, in := range inputs {
		if in.File == nil {
			for _, c := range in.Containers {
				text, err := emit.Pod(o.emitInput(c))
				if err != nil {
					return out, err
				}
				parts = append(parts, text)
			}
			continue
		}
		text, r, err := emit.Splice(in.File, edits[i])
		if err != nil {
			return out, err
		}
		parts = append(parts, text)
		diffs = append(diffs, r.Diff(base.Name(in.File.Name), in.File.Source))
		out.changes = append(out.changes, r.Changes...)
		if o.InPlace && string(text) != string(in.File.Source) {
			out.replaced = append(out.replaced, replacement{in.Path, in.File.Source, text})
		}
	}
	switch {
	case o.Diff:
		out.text = slices.Concat(diffs...)
		if base.Dir() != "" && len(out.text) > 0 { // the tools skip what is before the first file
			out.text = slices.Concat([]byte("Apply in the folder "+base.Dir()+", with patch -p1 or git apply.\n"), out.text)
		}
	case !o.InPlace:
		out.text = emit.Join(parts)
	}
	return out, nil
}

// patchBase returns the folder for a patch of the manifests.
func patchBase(inputs []Input) outfile.PatchBase {
	var names []string
	for _, in := range inputs {
		if in.File != nil {
			names = append(names, in.File.Name)
		}
	}
	return outfile.NewPatchBase(names...)
}

// edits returns the profiles of each input's containers, for its manifest.
func (o Options) edits(inputs []Input) [][]emit.Edit {
	out := make([][]emit.Edit, len(inputs))
	files := manifests(inputs)
	for i, in := range inputs {
		for _, c := range in.Containers {
			if c.Pod == nil {
				continue
			}
			why, keeps := o.keepsToken(files, c)
			out[i] = append(out[i], emit.Edit{Pod: c.Pod, Container: c.Name, Profile: c.Outcome.Profile, NoToken: !keeps, TokenWhy: why})
		}
	}
	return out
}

// emitInputs returns the containers, for the formats that are not patches.
func (o Options) emitInputs(inputs []Input) []emit.Input {
	var out []emit.Input
	for _, in := range inputs {
		for _, c := range in.Containers {
			out = append(out, o.emitInput(c))
		}
	}
	return out
}

func (o Options) emitInput(c Container) emit.Input {
	_, keeps := o.keepsToken(nil, c)
	out := emit.Input{
		Name: c.Name, Target: c.Outcome.Target, Facts: c.Outcome.Image, Profile: c.Outcome.Profile, Pod: c.Pod, KeepToken: keeps,
	}
	if o.NetworkPolicy != "" && c.Pod == nil {
		out.Labels = imageLabels(c)
	}
	return out
}
