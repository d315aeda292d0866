package plan

import (
	"slices"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/observe"
)

// newlyRefused keeps, of what a run that failed after its restart was refused, what it was not refused before: the
// application passed in spite of that.
func newlyRefused(denied diff.List, lines []Refused) (diff.List, []Refused) {
	once := func(path string) bool {
		n := 0
		for _, l := range lines {
			if l.Path == path {
				n++
			}
		}
		return n == 1
	}
	denied = slices.DeleteFunc(slices.Clone(denied), func(e diff.Evidence) bool {
		if e.Source == diff.FromLogs {
			return !once(e.Path)
		}
		return e.Phase != observe.Restart
	})
	lines = slices.DeleteFunc(slices.Clone(lines), func(l Refused) bool { return !once(l.Path) })
	return denied, lines
}
