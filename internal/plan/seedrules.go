package plan

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

// maxSeedFiles bounds the number of entries that are read of a folder.
const maxSeedFiles = 2000

// proposePlaceholder turns a seeded mount whose init container failed into a plain one, if the image has only an empty
// placeholder file in the folder.
func proposePlaceholder(ctx context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	m, _ := f.cur.Mount(f.run.Failure.Path)
	if m.Kind != profile.Seeded {
		return r, nil
	}
	entries, more, err := f.in.Tree.List(ctx, m.Path, maxSeedFiles)
	if err != nil {
		return r, fmt.Errorf("listing %s in the image: %w", m.Path, err)
	}
	if !more && placeholders(entries) {
		m.Kind = profile.Plain
		r.mount(m, fmt.Sprintf("the image has only %s in it, an empty placeholder file", strings.TrimPrefix(entries[0].Path, m.Path+"/")), f.run.Failure.Text, FromExit)
	}
	return r, nil
}

// proposeDeeper replaces a seeded mount whose init container failed by mounts of the folders below it that the application
// wrote in. The next run shows whether those suffice. It proposes nothing if a candidate for the user may read all files.
func proposeDeeper(ctx context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	m, _ := f.cur.Mount(f.run.Failure.Path)
	if m.Kind != profile.Seeded || m.Volume { // a VOLUME is always mounted itself
		return r, nil
	}
	_, unreadable, err := Unreadable(ctx, f.in.Tree, m, f.cur.User, f.run.Failure.Text)
	if err != nil {
		return r, err
	}
	if unreadable {
		if other, err := readableByOther(ctx, f, m); err != nil || other {
			return r, err
		}
	}
	deeper, err := deeperFolders(ctx, f, m)
	if err != nil {
		return r, err
	}
	r.Profile = r.Profile.WithoutMount(m.Path)
	for _, d := range deeper {
		r.mount(MountFor(d), d.Why, f.run.Failure.Text, FromExit)
	}
	return r, nil
}

// placeholders reports whether all entries are empty hidden files, such as .gitkeep, and there is at least one.
func placeholders(entries []image.Entry) bool {
	for _, e := range entries {
		if e.Kind != image.File || e.Size != 0 || !strings.HasPrefix(path.Base(e.Path), ".") {
			return false
		}
	}
	return len(entries) > 0
}

// deeperFolders returns the folders below a mount that the application wrote in. Files directly in the mount's folder are left
// out, and become read-only.
func deeperFolders(ctx context.Context, f failure, m profile.Mount) ([]diff.Folder, error) {
	var below diff.List
	for _, o := range f.plan.Folders {
		if o.Path != m.Path {
			continue
		}
		for _, e := range o.Evidence {
			if path.Dir(e.Path) != m.Path || e.Dir {
				below = append(below, e)
			}
		}
	}
	folding, err := diff.Fold(ctx, below, f.in.Tree, nil)
	if err != nil {
		return nil, err
	}
	out := slices.DeleteFunc(folding.Folders, func(d diff.Folder) bool { return d.Path == m.Path })
	for i := range out {
		out[i].Why += "; the whole of " + m.Path + " cannot be copied"
	}
	return out, nil
}

// proposeReadOnlyCopy makes the copies in a seeded mount writable if the application wrote to a file or folder that is read-only
// in the image: root may do so, its owner may not.
func proposeReadOnlyCopy(ctx context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	for i, list := range []diff.List{f.denied, diff.Collect(f.in.Open).Allowed()} {
		for _, e := range list {
			strength := FromEarlier
			if i == 0 {
				strength = f.strength(e)
			}
			m, _ := r.Profile.Covering(e.Path)
			if m.Kind != profile.Seeded || e.Errno == "EROFS" || e.MetadataOnly() {
				continue
			}
			shut, ok, err := readOnlyIn(ctx, f.in.Tree, m, e)
			if err != nil {
				return r, err
			}
			if !ok {
				continue
			}
			m.Rewritable = true
			r.mount(m, fmt.Sprintf("%s is %04o in the image, and the application writes to it: its copy has to be writable", shut.Path, shut.Mode.Perm()), e.String(), strength)
		}
		if len(r.Blames) > 0 {
			break
		}
	}
	return r, nil
}

// readOnlyIn returns what is read-only in the image and keeps the owner of its copy in a mount from a write: the file, or the folder
// that it is new in, or removed from. The folder of the mount itself is made writable in any case.
func readOnlyIn(ctx context.Context, tree image.Tree, m profile.Mount, e diff.Evidence) (image.Entry, bool, error) {
	found, ok, err := tree.Lookup(ctx, e.Path)
	if err != nil {
		return found, false, fmt.Errorf("looking up %s in the image: %w", e.Path, err)
	}
	if ok && found.Kind == image.File && found.Mode&0o200 == 0 {
		return found, true, nil
	}
	dir := path.Dir(e.Path)
	removed := slices.Contains(e.Calls, "unlink") || slices.Contains(e.Calls, "rename")
	if dir == m.Path || ok && !removed {
		return found, false, nil
	}
	if found, ok, err = tree.Lookup(ctx, dir); err != nil {
		return found, false, fmt.Errorf("looking up %s in the image: %w", dir, err)
	}
	return found, ok && found.Kind == image.Dir && found.Mode&0o200 == 0, nil
}

// Unreadable returns the first file or folder below a seeded mount that a user cannot copy, and false if there is none among
// the first entries of the folder and those that an init container was refused by what it said. It fails if the tree of the image
// cannot be read.
func Unreadable(ctx context.Context, tree image.Tree, m profile.Mount, u profile.User, said string) (image.Entry, bool, error) {
	entries, _, err := tree.List(ctx, m.Path, maxSeedFiles)
	if err != nil {
		return image.Entry{}, false, fmt.Errorf("listing %s in the image: %w", m.Path, err)
	}
	for _, r := range ReadRefusals(said, "") {
		at := strings.TrimPrefix(r.Path, profile.SeedImagePath)
		if !profile.Within(at, m.Path) {
			continue
		}
		e, ok, err := tree.Lookup(ctx, at)
		if err != nil {
			return image.Entry{}, false, fmt.Errorf("looking up %s in the image: %w", at, err)
		}
		if ok {
			entries = append(entries, e)
		}
	}
	for _, e := range entries {
		if e.Kind == image.File && !may(e, u, read) || e.Kind == image.Dir && !may(e, u, read|enter) {
			return e, true, nil
		}
	}
	return image.Entry{}, false, nil
}
