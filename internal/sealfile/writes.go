package sealfile

import (
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/seal"
)

// ReadOnly is the decision about a path that stays read-only.
const ReadOnly = string(seal.ReadOnly)

// writes returns what the open run wrote. A folder that is writable is one entry; of a folder that stays read-only, each
// path is one.
func (c cleaner) writes(choices []seal.Choice) []Write {
	var out []Write
	for _, choice := range choices {
		switch {
		case choice.Decision == seal.Noise || choice.Decision == seal.InMount:
		case choice.Decision != seal.ReadOnly || len(choice.Evidence) == 0:
			out = append(out, Write{c.path(choice.Path), choice.Said(), c.writers(choice.Evidence)})
		default:
			for _, e := range choice.Evidence {
				out = append(out, Write{c.evidencePath(e), choice.Said(), c.writers([]diff.Evidence{e})})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Write) int { return strings.Compare(a.Path, b.Path) })
	return slices.CompactFunc(out, func(a, b Write) bool { return a.Path == b.Path })
}

// evidencePath returns the path of a write. The name of a file that was removed or renamed again was probably made up.
func (c cleaner) evidencePath(e diff.Evidence) string {
	if e.Transient() && !e.Dir {
		return c.path(path.Dir(e.Path) + "/*")
	}
	return c.path(e.Path)
}

// writers returns the processes of some evidence, sorted, each once.
func (c cleaner) writers(list []diff.Evidence) []string {
	var out []string
	for _, e := range list {
		for _, w := range e.Writers {
			out = append(out, c.writer(w))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (c cleaner) writer(w diff.Writer) string {
	w.Command = c.process(w.Command)
	return w.String()
}

// denied returns the writes that were refused in the run that shows the profile.
func (c cleaner) denied(res seal.Result, shown observe.Observation) []Denial {
	var out []Denial
	for _, e := range diff.Collect(shown).Denied().OnAnyHost() {
		if e.Noise != "" {
			continue
		}
		d := Denial{Path: c.path(e.Path), Errno: e.Errno, By: c.writers([]diff.Evidence{e})}
		d.Swallowed = slices.ContainsFunc(res.Swallowed, func(s diff.Evidence) bool { return s.Path == e.Path })
		out = append(out, d)
	}
	slices.SortStableFunc(out, func(a, b Denial) int { return strings.Compare(a.Path, b.Path) })
	return slices.CompactFunc(out, func(a, b Denial) bool { return a.Path == b.Path })
}
