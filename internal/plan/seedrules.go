package plan

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// maxSeedFiles bounds what is looked at of a folder that could not be copied.
const maxSeedFiles = 2000

// proposePlaceholder answers an init container that could not fill its mount, or cannot run at all, where there is nothing
// to copy but a file that keeps the folder.
func proposePlaceholder(ctx context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	m, ok := f.cur.Mount(f.run.Failure.Path)
	if !ok || m.Kind != profile.Seeded {
		return r, nil
	}
	entries, more, err := f.in.Tree.List(ctx, m.Path, maxSeedFiles)
	if err != nil {
		return r, fmt.Errorf("listing %s in the image: %w", m.Path, err)
	}
	if !more && placeholders(entries) {
		m.Kind = profile.Plain
		r.mount(m, fmt.Sprintf("the image has nothing in it but %s, an empty file that keeps the folder", strings.TrimPrefix(entries[0].Path, m.Path+"/")), f.run.Failure.Text, FromExit)
	}
	return r, nil
}

// proposeDeeper answers the same where the application wrote in folders below as well: they replace the mount. Whether
// the application can do with them is for the next run to show. A user who may read it all is better.
func proposeDeeper(ctx context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	m, ok := f.cur.Mount(f.run.Failure.Path)
	if !ok || m.Kind != profile.Seeded || m.Volume { // a VOLUME is mounted itself
		return r, nil
	}
	if _, unreadable, err := Unreadable(ctx, f.in.Tree, m, f.cur.User); err != nil || unreadable {
		if other, err := readableByOther(ctx, f, m); err != nil || other {
			return r, err
		}
	}
	deeper, err := deeperFolders(ctx, f, m)
	if err != nil || len(deeper) == 0 {
		return r, err
	}
	r.Profile = r.Profile.WithoutMount(m.Path)
	for _, d := range deeper {
		r.mount(MountFor(d), d.Why, f.run.Failure.Text, FromExit)
	}
	return r, nil
}

// placeholders tells whether entries are nothing but empty hidden files, as build tools need them to keep a folder.
func placeholders(entries []image.Entry) bool {
	for _, e := range entries {
		if e.Kind != image.File || e.Size != 0 || !strings.HasPrefix(path.Base(e.Path), ".") {
			return false
		}
	}
	return len(entries) > 0
}

// deeperFolders are the folders below a mount that the application wrote in, where it did not only write in the
// mount's own folder. What it wrote there stays read-only.
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
	out := slices.DeleteFunc(folding.Folders, func(d diff.Folder) bool { return d.Path == m.Path || !profile.Within(d.Path, m.Path) })
	for i := range out {
		out[i].Why += "; the whole of " + m.Path + " cannot be copied"
	}
	return out, nil
}

// proposeReadOnlyCopy lets the user write to the copies of files that the image has as read-only, where the application
// wrote to one: root may open such a file for writing, its owner may not.
func proposeReadOnlyCopy(ctx context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	for i, list := range []diff.List{f.denied, diff.Collect(f.in.Open).Allowed()} {
		for _, e := range list {
			strength := FromEarlier
			if i == 0 {
				strength = f.strength(e)
			}
			m, ok := r.Profile.Covering(e.Path)
			if !ok || m.Kind != profile.Seeded || m.Rewritable || e.Errno == "EROFS" || e.MetadataOnly() {
				continue
			}
			found, ok, err := f.in.Tree.Lookup(ctx, e.Path)
			if err != nil {
				return r, fmt.Errorf("looking up %s in the image: %w", e.Path, err)
			}
			if !ok || found.Kind != image.File || found.Mode&0o200 != 0 {
				continue
			}
			m.Rewritable = true
			r.mount(m, fmt.Sprintf("%s is %04o in the image, and the application writes to it: its copy has to be writable", e.Path, found.Mode.Perm()), e.String(), strength)
		}
		if len(r.Blames) > 0 {
			break
		}
	}
	return r, nil
}

// Unreadable finds the first file or folder below a seeded mount that a user cannot copy.
func Unreadable(ctx context.Context, tree image.Tree, m profile.Mount, u profile.User) (image.Entry, bool, error) {
	entries, _, err := tree.List(ctx, m.Path, maxSeedFiles)
	if err != nil {
		return image.Entry{}, false, fmt.Errorf("listing %s in the image: %w", m.Path, err)
	}
	for _, e := range entries {
		enter := e
		enter.Mode = (e.Mode << 2) & fs.ModePerm // the bits to enter, where those to read stand
		if e.Kind == image.File && !MayRead(e, u) || e.Kind == image.Dir && (!MayRead(e, u) || !MayRead(enter, u)) {
			return e, true, nil
		}
	}
	return image.Entry{}, false, nil
}
