package docker

import (
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/podseal/podseal/internal/observe"
)

// withoutEngine drops the changes that the engine made itself while it set the container up: a mount point or a working
// directory that the image lacks, the new folders above it, and the existing folder above those, which shows as changed
// for having a new child.
func withoutEngine(changes []observe.Change, made []string) []observe.Change {
	kind := map[string]observe.ChangeKind{}
	for _, c := range changes {
		kind[c.Path] = c.Kind
	}
	drop := map[string]bool{}
	for _, at := range made {
		at = path.Clean(at)
		for ; at != "/" && kind[at] == observe.Added; at = path.Dir(at) {
			drop[at] = true
		}
	}
	// A folder whose only changed child has just been dropped has no reason of its own to be there.
	for _, c := range slices.Backward(changes) {
		if c.Kind == observe.Modified && !drop[c.Path] && onlyEngine(changes, c.Path, drop) {
			drop[c.Path] = true
		}
	}
	out := slices.DeleteFunc(slices.Clone(changes), func(c observe.Change) bool { return drop[c.Path] })
	if len(out) == 0 {
		return nil
	}
	return out
}

// onlyEngine tells whether all changes below a folder, and there are some, are dropped. The changes are sorted by path,
// so that those below a folder stand together.
func onlyEngine(changes []observe.Change, dir string, drop map[string]bool) bool {
	below := strings.TrimSuffix(dir, "/") + "/"
	from := sort.Search(len(changes), func(i int) bool { return changes[i].Path >= below })
	some := false
	for _, c := range changes[from:] {
		if !strings.HasPrefix(c.Path, below) {
			break
		}
		if !drop[c.Path] {
			return false
		}
		some = true
	}
	return some
}
