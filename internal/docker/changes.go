package docker

import (
	"cmp"
	"context"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/podseal/podseal/internal/observe"
)

// maxStats bounds the added entries whose kind Changes asks the engine for.
const maxStats = 200

// Changes returns the changes of the container's files, sorted by path, without those that the engine made itself.
func (b *Container) Changes(ctx context.Context) ([]observe.Change, error) {
	diff, err := b.conn.api.ContainerDiff(ctx, b.ID)
	if err != nil {
		return nil, b.failure(ctx, "reading the changes of", err)
	}
	s, err := b.Status(ctx)
	if err != nil {
		return nil, err
	}
	made := s.MountPoints
	if s.WorkingDir != "" {
		made = append(made, s.WorkingDir)
	}
	return b.markDirectories(ctx, withoutEngine(changes(diff), made))
}

// markDirectories sets Dir of the added entries that matter: those with something added below them, and those whose
// parent directory is not new, where it asks the engine for each.
func (b *Container) markDirectories(ctx context.Context, changes []observe.Change) ([]observe.Change, error) {
	added, parents := map[string]bool{}, map[string]bool{}
	for _, ch := range changes {
		if ch.Kind == observe.Added {
			added[ch.Path] = true
			parents[path.Dir(ch.Path)] = true
		}
	}
	asked := 0
	for i, ch := range changes {
		if ch.Kind != observe.Added {
			continue
		}
		changes[i].Dir = parents[ch.Path]
		if changes[i].Dir || added[path.Dir(ch.Path)] || asked == maxStats {
			continue
		}
		asked++
		mode, ok, err := b.Stat(ctx, ch.Path) // it may be gone by now
		if err != nil {
			return nil, err
		}
		changes[i].Dir = ok && mode.IsDir()
	}
	return changes, nil
}

// changes translates the engine's answer, which has the order of a hash table.
func changes(diff []container.FilesystemChange) []observe.Change {
	kinds := map[container.ChangeType]observe.ChangeKind{
		container.ChangeModify: observe.Modified, container.ChangeAdd: observe.Added, container.ChangeDelete: observe.Deleted,
	}
	out := make([]observe.Change, 0, len(diff))
	for _, d := range diff {
		if kind, ok := kinds[d.Kind]; ok {
			out = append(out, observe.Change{Kind: kind, Path: d.Path})
		}
	}
	slices.SortFunc(out, func(a, b observe.Change) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

// withoutEngine removes the changes that the engine made itself while it set the container up: a mount point or a working
// directory that the image lacks, its new parent directories, and the existing parent of those, which shows as modified
// because it has a new child.
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
	// A directory whose only changed child has just been dropped was not modified by the application.
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

// onlyEngine reports whether there are changes below a directory and all of them are dropped. The changes are sorted by
// path, so that those below a directory are consecutive.
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
