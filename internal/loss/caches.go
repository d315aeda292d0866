package loss

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// withoutCaches removes the caches that a runtime makes in each folder of code, and works the same without: directories of one
// name in many places.
func withoutCaches(ctx context.Context, tree image.Tree, open diff.List, list []Loss) ([]Loss, error) {
	dir := func(at string) bool {
		return slices.ContainsFunc(open.Allowed(), func(o diff.Evidence) bool { return o.Path == at && o.Dir || path.Dir(o.Path) == at })
	}
	places := map[string][]string{}
	for _, l := range list {
		if dir(l.What) {
			places[path.Base(l.What)] = append(places[path.Base(l.What)], l.What)
		}
	}
	caches := map[string]bool{}
	for name, dirs := range places {
		var err error
		if caches[name], err = areCaches(ctx, tree, open, dirs); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(slices.Clone(list), func(l Loss) bool { return dir(l.What) && caches[path.Base(l.What)] }), nil
}

// manyPlaces is the smallest number of places whose directories of one name may be caches.
const manyPlaces = 3

// areCaches reports whether directories of one name are caches of the folders that they are in. The first ones decide.
func areCaches(ctx context.Context, tree image.Tree, open diff.List, dirs []string) (bool, error) {
	if len(dirs) < manyPlaces {
		return false, nil
	}
	known := 0
	for _, dir := range dirs[:min(len(dirs), 2*manyPlaces)] {
		named, more, err := namedAfterNeighbors(ctx, tree, open, dir)
		switch {
		case err != nil || !named && !more:
			return false, err
		case named:
			known++
		}
	}
	return known >= min(len(dirs), manyPlaces), nil
}

// maxNeighbors bounds the files that are listed next to a directory.
const maxNeighbors = 2000

// namedAfterNeighbors reports whether all files that the open run wrote in a directory are named after files that the image has
// next to the directory, and if not, whether it has more than were listed.
func namedAfterNeighbors(ctx context.Context, tree image.Tree, open diff.List, dir string) (named, more bool, err error) {
	entries, more, err := tree.List(ctx, path.Dir(dir), maxNeighbors)
	if err != nil {
		return false, false, fmt.Errorf("listing %s in the image: %w", path.Dir(dir), err)
	}
	neighbors := map[string]bool{}
	for _, e := range entries {
		if e.Kind == image.File && path.Base(path.Dir(e.Path)) == path.Base(path.Dir(dir)) { // the entries have real paths
			neighbors[stem(e.Path)] = true
		}
	}
	foreign := func(e diff.Evidence) bool {
		return !e.Dir && e.Path != dir && profile.Within(e.Path, dir) && !e.Transient() && !neighbors[stem(e.Path)]
	}
	return len(neighbors) > 0 && !slices.ContainsFunc(open.Allowed(), foreign), more, nil
}

// stem returns the name of a file until its first dot.
func stem(at string) string {
	name, _, _ := strings.Cut(path.Base(at), ".")
	return name
}
