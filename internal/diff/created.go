package diff

import (
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/podseal/podseal/internal/observe"
)

// maxCreated is how many new folders of one parent get a mount each. An application that makes more of them keeps data in
// them, as shards or an entry each, and the next one will have another name.
const maxCreated = 16

// split sorts the written paths of one base: the folders that the application makes (by path), and the writes in the base
// itself (not only of owners, modes and times). It reports as loose whether some of the made folders cannot be mounted
// themselves (random or impossible names, renamed or removed).
func split(spots []placed) (created map[string][]Evidence, direct []placed, loose bool) {
	created = map[string][]Evidence{}
	for _, s := range spots {
		if s.created == "" {
			if !s.e.MetadataOnly() {
				direct = append(direct, s)
			}
			continue
		}
		created[s.created] = append(created[s.created], s.e)
		if name := path.Base(s.created); s.passes(name) || unmountable(name) || (s.e.Moved && s.e.Path == s.created) {
			loose = true
		}
	}
	return created, direct, loose || len(created) > maxCreated
}

// passes reports whether a name is one that the next run will not use.
func (s placed) passes(name string) bool {
	return Random(name) || indexWord(name, s.e.Passing) >= 0
}

// unmountable reports whether a name cannot stand in a mount's path: Kubernetes allows no colon in it, and YAML has text
// only.
func unmountable(name string) bool { return strings.Contains(name, ":") || !utf8.ValidString(name) }

// onRequest reports whether nothing but the e2e commands made the folders: their requests may name them, and other
// requests will name others.
func onRequest(created map[string][]Evidence) bool {
	for _, evidence := range created {
		if slices.ContainsFunc(evidence, func(e Evidence) bool { return e.Phase != observe.E2E }) {
			return false
		}
	}
	return true
}

// newFolders returns the folders that the application makes in a base.
func newFolders(created map[string][]Evidence, base string) []Folder {
	var out []Folder
	for p, ev := range created {
		out = append(out, Folder{
			Path: p, Content: Absent, Created: true, Evidence: ev,
			Why: "the topmost folder that the application makes in " + base,
		})
	}
	return out
}
