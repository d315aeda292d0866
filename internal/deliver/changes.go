package deliver

import (
	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/emit"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/report"
)

// written reports, for each container in the order of the inputs, what the delivery makes of its seal. The changes of a
// whole pod are in the report of its first container, notes and companions in the first report of all.
func (o Options) written(inputs []Input, r rendered, companions []report.Companion) []*report.Written {
	type place struct {
		pod       *manifest.Pod
		container string // empty: the whole pod
	}
	at := map[place]*report.Written{}
	var out []*report.Written
	for _, in := range inputs {
		for _, c := range in.Containers {
			w := &report.Written{Format: o.Format, Changes: []report.ManifestChange{}, Notes: []string{}, Alongside: []report.Companion{}}
			if c.Pod == nil && o.Format == config.FormatYAML {
				w.Changes = append(w.Changes, tokenChange(o.keepsToken(nil, c)))
			}
			out = append(out, w)
			if at[place{pod: c.Pod}] == nil {
				at[place{pod: c.Pod}] = w
			}
			at[place{c.Pod, c.Name}] = w
		}
	}
	for _, x := range r.changes {
		w := at[place{x.Pod, x.Container}]
		if w == nil { // of an init container that an earlier seal added
			w = at[place{pod: x.Pod}]
		}
		w.Changes = append(w.Changes, reportedChange(x))
	}
	if len(out) > 0 {
		out[0].Notes, out[0].Alongside = append(out[0].Notes, r.notes...), append(out[0].Alongside, companions...)
	}
	return out
}

func reportedChange(x emit.Change) report.ManifestChange {
	return report.ManifestChange{
		Action: x.Action, File: x.File, Line: x.Line, Object: x.Object, Field: x.Field, Old: x.Old, New: x.New, Why: x.Why,
	}
}

// tokenChange reports the decision about the token of a Pod that is written for an image.
func tokenChange(why string, keeps bool) report.ManifestChange {
	c := report.ManifestChange{Action: "added", Object: "Pod", Field: "automountServiceAccountToken", New: "false", Why: why}
	if keeps {
		c.Action, c.New = "kept", ""
	}
	return c
}
