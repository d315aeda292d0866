package diff

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
)

// Content is what the image has in a folder.
type Content string

// The contents that a folder may have in an image.
const (
	Absent  Content = "absent"  // the image has no such folder
	Empty   Content = "empty"   // nothing, or nothing but empty folders
	Filled  Content = "filled"  // files
	Unknown Content = "unknown" // could not be read
)

// Folder is one folder that must be writable, with the evidence for it.
type Folder struct {
	Path    string  `json:"path"`
	Content Content `json:"content"`
	// Volume is true where the image declares exactly this path as a VOLUME.
	Volume bool `json:"volume,omitempty"`
	// Created is true where the application makes the folder itself.
	Created bool `json:"created,omitempty"`
	// Hides names what the image has in the folder and a plain mount would hide, at most three names.
	Hides []string `json:"hides,omitempty"`
	// Why is the reason for this folder rather than another, one sentence.
	Why      string     `json:"why"`
	Evidence []Evidence `json:"evidence,omitempty"`
}

// Folding is the result of Fold.
type Folding struct {
	Folders []Folder `json:"folders"` // sorted by path
	// Root is the evidence for files made directly in /, where nothing can be mounted.
	Root []Evidence `json:"root,omitempty"`
	// Noise is the evidence that was set aside.
	Noise []Evidence `json:"noise,omitempty"`
}

// placed is the evidence for one path with its place in the image: base is the deepest folder that the image has, created
// the topmost folder below it that the application made ("" for a file directly in base).
type placed struct {
	base, created string
	e             Evidence
}

// Fold returns the folders that must be writable for the evidence. volumes are the image's VOLUME paths. Each becomes a
// separate folder, written or not, since runtimes differ in what they put there. Evidence with an outcome of Unknown is
// ignored. Errors are those of the tree.
func Fold(ctx context.Context, evidence []Evidence, tree image.Tree, volumes []string) (Folding, error) {
	var out Folding
	vol, err := volumeFolders(ctx, tree, volumes)
	if err != nil {
		return Folding{}, err
	}
	bases := map[string][]placed{}
	for _, e := range evidence {
		if e.Outcome == observe.Unknown {
			continue
		}
		if e.Noise != "" {
			out.Noise = append(out.Noise, e)
			continue
		}
		if v := deepest(vol, e.Path); v != nil {
			v.Evidence = append(v.Evidence, e)
			continue
		}
		s, err := place(ctx, e, tree)
		if err != nil {
			return Folding{}, err
		}
		bases[s.base] = append(bases[s.base], s)
	}
	for _, v := range vol {
		if err := fill(ctx, v, tree); err != nil {
			return Folding{}, err
		}
		out.Folders = append(out.Folders, *v)
	}
	for base, spots := range bases {
		fs, root, err := settle(ctx, base, spots, tree)
		if err != nil {
			return Folding{}, err
		}
		out.Folders, out.Root = append(out.Folders, fs...), append(out.Root, root...)
	}
	out.Folders = reduce(out.Folders)
	slices.SortFunc(out.Root, func(a, b Evidence) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// volumeFolders returns the folders of the VOLUMEs by their real paths, which is how writes name them. The folder itself
// keeps the declared path, which is how a runtime recognises that it is mounted.
func volumeFolders(ctx context.Context, tree image.Tree, volumes []string) (map[string]*Folder, error) {
	vol := map[string]*Folder{}
	for _, v := range volumes {
		v = path.Clean("/" + v)
		at, err := image.Resolve(ctx, tree, v)
		if err != nil {
			return nil, fmt.Errorf("resolving the VOLUME %s in the image: %w", v, err)
		}
		if vol[at] != nil { // two VOLUMEs lead to one folder: the first gets its evidence
			at += "\x00" + v
		}
		if at != "/" {
			vol[at] = &Folder{Path: v, Volume: true, Why: "the image declares it as a VOLUME; runtimes differ in what they put there"}
		}
	}
	return vol, nil
}

// deepest returns the VOLUME that a path lies in; nil if there is none.
func deepest(vol map[string]*Folder, p string) *Folder {
	for {
		if v := vol[p]; v != nil {
			return v
		}
		if p == "/" {
			return nil
		}
		p = path.Dir(p)
	}
}

// place finds the deepest parent directory that the image has, and the topmost one below it that is new.
func place(ctx context.Context, e Evidence, tree image.Tree) (placed, error) {
	s := placed{e: e}
	var top string // topmost absent ancestor or self
	for p := e.Path; p != "/"; p = path.Dir(p) {
		entry, ok, err := image.Probe(ctx, tree, p)
		if err != nil {
			return s, fmt.Errorf("looking up %s in the image: %w", p, err)
		}
		if entry.Kind == image.Dir && p != e.Path {
			s.base = p
			break
		}
		if entry.Kind == image.Dir {
			s.e.Dir = s.e.Dir || e.Kind == observe.Modified // docker diff does not say that it is a folder
			if s.e.MetadataOnly() || e.Source == FromLogs {
				s.base = p // chmod or chown of the folder itself, or a message about it: it must be the mount
				return s, nil
			}
		}
		if !ok {
			top = p
		}
	}
	if s.base == "" {
		s.base = "/"
	}
	if top != "" && (top != e.Path || e.Dir) {
		s.created = top
	}
	return s, nil
}

// settle returns the folders for everything that was written below one folder of the image.
func settle(ctx context.Context, base string, spots []placed, tree image.Tree) (folders []Folder, root []Evidence, err error) {
	f := Folder{Path: base}
	for _, s := range spots {
		f.Evidence = append(f.Evidence, s.e)
	}
	if err := fill(ctx, &f, tree); err != nil {
		return nil, nil, err
	}
	created, direct, loose := split(spots)
	if base == "/" {
		for _, s := range direct {
			root = append(root, s.e)
		}
		return newFolders(created, base), root, nil
	}
	others, err := shared(ctx, base, tree)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case len(direct) == 0 && !loose && (f.Content == Filled || len(created) == 1 && !onRequest(created) && others):
		folders = newFolders(created, base)
		f.Evidence = slices.DeleteFunc(f.Evidence, func(e Evidence) bool { return !e.MetadataOnly() })
		if len(f.Evidence) == 0 {
			return folders, nil, nil
		}
		f.Why = metadata
		return append(folders, f), nil, nil
	case !slices.ContainsFunc(f.Evidence, func(e Evidence) bool { return !e.MetadataOnly() }):
		f.Why = metadata
	case f.Content == Filled && slices.ContainsFunc(spots, func(s placed) bool { return s.created != "" && unmountable(path.Base(s.created)) }):
		f.Why = "the application makes folders here whose names a manifest cannot mount, next to what the image has"
	case f.Content == Filled && loose:
		f.Why = "the application makes, renames or removes folders here whose names cannot be known, next to what the image has"
	case f.Content == Filled:
		f.Why = "the application writes files here, next to what the image has"
	default:
		f.Why = "the application writes here; the image has nothing in it"
	}
	return []Folder{f}, nil, nil
}

const metadata = "the application changes owners, modes or times here"

// shared reports whether a folder is a top-level one that others use too, and no sticky folder for temporary files. There
// the application's own folder is a smaller surface than the whole.
func shared(ctx context.Context, base string, tree image.Tree) (bool, error) {
	e, _, err := image.Probe(ctx, tree, base)
	if err != nil {
		return false, fmt.Errorf("looking up %s in the image: %w", base, err)
	}
	return path.Dir(base) == "/" && e.Mode&fs.ModeSticky == 0, nil
}

// reduce returns the folders sorted, without those that a filled parent directory covers (its seed holds them). An empty
// parent does not cover a folder that the image has, since a mount there would hide it. If the application renames or
// removes that folder, the parent covers it all the same: nobody can rename or remove a mount point.
func reduce(folders []Folder) []Folder {
	slices.SortFunc(folders, func(a, b Folder) int { return strings.Compare(a.Path, b.Path) })
	var out []Folder
	for _, f := range folders {
		covered := -1
		for i, o := range out {
			if o.Path != f.Path && profile.Within(f.Path, o.Path) && !f.Volume && !o.metadataOnly() && (o.Content == Filled || f.Content == Absent || moves(o, f.Path)) {
				covered = i
			}
		}
		if covered >= 0 {
			out[covered].Evidence = append(slices.Clone(out[covered].Evidence), f.Evidence...)
			slices.SortStableFunc(out[covered].Evidence, func(a, b Evidence) int { return strings.Compare(a.Path, b.Path) })
			continue
		}
		out = append(out, f)
	}
	return out
}

// metadataOnly reports whether nothing in a folder is written but owners, modes and times.
func (f Folder) metadataOnly() bool {
	return !f.Volume && !slices.ContainsFunc(f.Evidence, func(e Evidence) bool { return !e.MetadataOnly() })
}

// moves reports whether the evidence of a folder says that a path, or a parent directory, is renamed or removed.
func moves(f Folder, p string) bool {
	return slices.ContainsFunc(f.Evidence, func(e Evidence) bool { return e.Moved && profile.Within(p, e.Path) })
}
