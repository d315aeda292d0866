package plan

import (
	"path"
	"slices"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/observe"
)

// inPhase keeps the evidence of the phase in which a run failed: what was refused before did not keep the application from
// going on. The trace says when a write was refused; for a line of the logs, the part of the logs in which it stands.
func inPhase(o observe.Observation, denied diff.List, lines []Refused) (diff.List, []Refused) {
	p := o.Failure.Phase
	said := saidIn(o, lines)
	denied = slices.DeleteFunc(slices.Clone(denied), func(e diff.Evidence) bool {
		if e.Source == diff.FromLogs {
			return !slices.ContainsFunc(said, func(l Refused) bool { return l.Path == e.Path })
		}
		if p == observe.Restart { // the application has passed in spite of what was refused before
			return e.Phase != p
		}
		return !slices.Contains(e.Phases, p)
	})
	return denied, said
}

// saidIn keeps the lines of the phase in which a run failed. Where the place of that phase in the logs is not known, and
// it failed after its restart, a line counts that was not said before.
func saidIn(o observe.Observation, lines []Refused) []Refused {
	if _, known := o.LogStart[o.Failure.Phase]; known || o.Failure.Phase == observe.Start || o.Failure.Phase == "" {
		own := ReadRefusals(o.LogsIn(o.Failure.Phase), "")
		same := func(l Refused) bool {
			return l.Output || slices.ContainsFunc(own, func(w Refused) bool { return w.Line == l.Line })
		}
		return slices.DeleteFunc(slices.Clone(lines), func(l Refused) bool { return !same(l) })
	}
	if o.Failure.Phase != observe.Restart {
		return lines
	}
	return slices.DeleteFunc(slices.Clone(lines), func(l Refused) bool {
		same := func(m Refused) bool { return m.Path == l.Path }
		return len(slices.DeleteFunc(slices.Clone(lines), func(m Refused) bool { return !same(m) })) != 1
	})
}

// sinceOpen keeps, of what a sealed run was refused, what the open run was not refused as well: the application passed
// in spite of that. cwd makes relative paths absolute.
func sinceOpen(open observe.Observation, cwd string, denied diff.List, lines []Refused) (diff.List, []Refused) {
	list := diff.Collect(open)
	allowed, before := list.Allowed(), list.Denied()
	for _, l := range ReadRefusals(open.Logs, cwd) {
		before = append(before, diff.FromLine(l.Path, l.Errno, l.Line, l.Dir))
	}
	lived := func(at, line string) bool {
		same := func(e diff.Evidence) bool { return at != "" && alike(e.Path, at) || line != "" && e.Line == line }
		return slices.ContainsFunc(before, same) && !slices.ContainsFunc(allowed, same)
	}
	denied = slices.DeleteFunc(slices.Clone(denied), func(e diff.Evidence) bool { return lived(e.Path, e.Line) })
	lines = slices.DeleteFunc(slices.Clone(lines), func(l Refused) bool { return lived(l.Path, l.Line) })
	return denied, lines
}

// alike tells whether two paths are the same, or made up at run time in the same folder.
func alike(a, b string) bool {
	return a == b || path.Dir(a) == path.Dir(b) && diff.Random(path.Base(a)) && diff.Random(path.Base(b))
}
