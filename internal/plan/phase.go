package plan

import (
	"path"
	"slices"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/observe"
)

// inPhase returns the evidence of the phase that a run failed in: earlier refusals did not stop the application. The phase of a
// traced refusal is known; that of a line follows from its offset in the logs.
func inPhase(o observe.Observation, denied diff.List, lines []Refused) (diff.List, []Refused) {
	p := o.Failure.Phase
	said := saidIn(o, lines)
	denied = slices.DeleteFunc(slices.Clone(denied), func(e diff.Evidence) bool {
		if e.Source == diff.FromLogs {
			return !slices.ContainsFunc(said, func(l Refused) bool { return l.Path == e.Path })
		}
		if p == observe.Restart { // the application passed despite earlier refusals
			return e.Phase != p
		}
		return !slices.Contains(e.Phases, p)
	})
	return denied, said
}

// saidIn returns the lines of the phase that a run failed in. If the offset of that phase is not known and the run failed after
// its restart, it returns the lines whose path no other line names.
func saidIn(o observe.Observation, lines []Refused) []Refused {
	if _, known := o.LogStart[o.Failure.Phase]; known {
		own := ReadRefusals(o.LogsIn(o.Failure.Phase), "")
		same := func(l Refused) bool {
			return l.Output || slices.ContainsFunc(own, func(w Refused) bool { return w.Line == l.Line })
		}
		return slices.DeleteFunc(slices.Clone(lines), func(l Refused) bool { return !same(l) })
	}
	if o.Failure.Phase != observe.Restart {
		return lines
	}
	named := map[string]int{}
	for _, l := range lines {
		named[l.Path]++
	}
	return slices.DeleteFunc(slices.Clone(lines), func(l Refused) bool { return named[l.Path] > 1 })
}

// sinceOpen returns the refusals of a sealed run that the open run does not have as well: the application passed the open run
// despite those. cwd makes relative paths absolute.
func sinceOpen(open observe.Observation, cwd string, denied diff.List, lines []Refused) (diff.List, []Refused) {
	list := diff.Collect(open).OnAnyHost()
	allowed, before := list.Allowed(), list.Denied()
	for _, l := range ReadRefusals(open.Logs, cwd) {
		before = append(before, diff.FromLine(l.Path, l.Errno, l.Line, l.Dir))
	}
	survived := func(at, line string) bool {
		same := func(e diff.Evidence) bool { return at != "" && Alike(e.Path, at) || line != "" && e.Line == line }
		return slices.ContainsFunc(before, same) && !slices.ContainsFunc(allowed, same)
	}
	denied = slices.DeleteFunc(slices.Clone(denied), func(e diff.Evidence) bool { return survived(diff.OnAnyHost(e.Path, e.Passing), e.Line) })
	lines = slices.DeleteFunc(slices.Clone(lines), func(l Refused) bool { return survived(l.Path, l.Line) })
	return denied, lines
}

// Alike reports whether two paths are equal, or have random names in the same folder.
func Alike(a, b string) bool {
	return a == b || path.Dir(a) == path.Dir(b) && diff.Random(path.Base(a)) && diff.Random(path.Base(b))
}
