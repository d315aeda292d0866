package enginetest

import (
	"maps"
	"path"
	"slices"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
)

// changes returns what docker diff shows of a file system that had the entries was at first: nothing of what is in a
// mount, and the parents of each change as modified.
func (f *filesystem) changes(was map[string]image.Entry) []observe.Change {
	found := map[string]observe.Change{}
	note := func(kind observe.ChangeKind, p string, dir bool) {
		if f.mountPoint(p) != "" {
			return
		}
		found[p] = observe.Change{Kind: kind, Path: p, Dir: dir && kind == observe.Added}
		for d := path.Dir(p); d != "/"; d = path.Dir(d) {
			if _, ok := found[d]; !ok {
				found[d] = observe.Change{Kind: observe.Modified, Path: d}
			}
		}
	}
	for _, p := range slices.Sorted(maps.Keys(was)) {
		if _, ok := f.nodes[p]; !ok && f.nodes[path.Dir(p)].Path != "" {
			note(observe.Deleted, p, false)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(f.nodes)) {
		now := f.nodes[p]
		switch old, ok := was[p]; {
		case !ok:
			note(observe.Added, p, now.Kind == image.Dir)
		case old.Mode != now.Mode || old.UID != now.UID || old.GID != now.GID || now.Kind != image.Dir && old.Mtime != now.Mtime:
			note(observe.Modified, p, false)
		}
	}
	var out []observe.Change
	for _, p := range slices.Sorted(maps.Keys(found)) {
		out = append(out, found[p])
	}
	return out
}
