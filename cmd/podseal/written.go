package main

import (
	"github.com/podseal/podseal/internal/emit"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/report"
)

// reported gives each sealed container's report what was made of it: its own changes, and those of its whole pod to the
// first container of the pod. Notes and companions are of all, and go to the first report.
func (o *deliverOptions) reported(inputs []sealedInput, r emit.Report, notes []string, beside []report.Companion) []*report.Written {
	type place struct {
		pod       *manifest.Pod
		container string // empty: the whole pod
	}
	at := map[place]*report.Written{}
	var out []*report.Written
	for _, in := range inputs {
		for _, c := range in.sealed {
			w := &report.Written{Format: o.format, Changes: []report.ManifestChange{}, Notes: []string{}, Alongside: []report.Companion{}}
			if c.pod == nil && o.format == formatYAML {
				w.Changes = append(w.Changes, tokenChange(o.tokenUse(nil, c)))
			}
			out = append(out, w)
			if at[place{pod: c.pod}] == nil {
				at[place{pod: c.pod}] = w
			}
			at[place{c.pod, c.name}] = w
		}
	}
	for _, x := range r.Changes {
		w := at[place{x.Pod, x.Container}]
		if w == nil { // of an init container that an earlier seal brought
			w = at[place{pod: x.Pod}]
		}
		w.Changes = append(w.Changes, report.ManifestChange{
			Action: x.Action, File: x.File, Line: x.Line, Object: x.Object, Field: x.Field, Old: x.Old, New: x.New, Why: x.Why,
		})
	}
	if len(out) > 0 {
		out[0].Notes, out[0].Alongside = append(out[0].Notes, notes...), append(out[0].Alongside, beside...)
	}
	return out
}

// tokenChange tells of the token of a Pod that is written for an image.
func tokenChange(why string, used bool) report.ManifestChange {
	c := report.ManifestChange{Action: "added", Object: "Pod", Field: "automountServiceAccountToken", New: "false", Why: why}
	if used {
		c.Action, c.New = "kept", ""
	}
	return c
}
