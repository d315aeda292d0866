package plan

import (
	"path"
	"slices"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/observe"
)

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
