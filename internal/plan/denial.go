package plan

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
)

// proposeLast mounts the folder of the last refused write before a crash, which is most often the cause.
func proposeLast(ctx context.Context, f failure) (Proposal, error) {
	if f.run.Failure.Kind != observe.Exited || len(f.refused) == 0 {
		return Proposal{}, nil
	}
	last := f.refused[len(f.refused)-1]
	for _, e := range f.denied {
		if last.Path != "" && e.Path == last.Path {
			return widen(ctx, f, diff.List{e})
		}
	}
	return Proposal{}, nil
}

// proposeDenied mounts the folders of all refused writes. Refused changes of owners, modes and times only count if no other
// write was refused.
func proposeDenied(ctx context.Context, f failure) (Proposal, error) {
	written := slices.DeleteFunc(slices.Clone(f.denied), diff.Evidence.MetadataOnly)
	if r, err := widen(ctx, f, written); err != nil || len(r.Blames) > 0 {
		return r, err
	}
	return widen(ctx, f, slices.Clone(f.denied))
}

// widen mounts the folders of refused writes, and turns the mounts whose owner or mode the application could not change into
// owned mounts.
func widen(ctx context.Context, f failure, denied diff.List) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	var open diff.List
	for _, e := range ungiven(f.in.Target, denied) {
		at, err := realPath(ctx, f.in.Tree, e.Path)
		if err != nil {
			return r, err
		}
		e.Path = at
		m, covered := f.cur.Covering(at)
		reading, err := unrelated(ctx, f, e)
		if err != nil {
			return r, err
		}
		switch {
		case at == m.Path && m.Kind == profile.Plain && e.Errno != "EROFS" && ownerCall(e):
			m.Kind = profile.Owned
			r.mount(m, "the application must own the folder, which a kubelet creates with owner root", e.String(), f.strength(e))
		case covered:
		case e.Errno == "EPERM" || reading:
			// the file system was writable: another user or a capability may help, a mount does not
		default:
			open = append(open, e)
		}
	}
	folding, err := diff.Fold(ctx, open, f.in.Tree, nil)
	if err != nil {
		return r, err
	}
	for _, folder := range folding.Folders {
		folder, err := raised(ctx, f, &r, folder)
		if err != nil {
			return r, err
		}
		if folder.Content == diff.Filled && systemFolder(folder.Path) {
			continue // a copy of /etc or /usr would freeze the operating system of the image
		}
		if r.Profile, err = f.withoutCovered(ctx, r.Profile, folder); err != nil {
			return r, err
		}
		if err := r.mountFolder(ctx, f, folder, folder.Evidence[0].String(), f.strength(folder.Evidence[0])); err != nil {
			return r, err
		}
	}
	return r, proposeRoot(ctx, f, &r, folding.Root)
}

// ownerCall reports whether the evidence is a refused change of the owner, mode or times of the path itself.
func ownerCall(e diff.Evidence) bool {
	return e.MetadataOnly() || (e.Source == diff.FromLogs && (e.Errno == "EPERM" || ownership.MatchString(e.Line)))
}

// raised returns the parent directory in place of a folder whose name changes from run to run: the application created it, and
// the open run has a sibling in place of it. The mounts of such siblings are removed.
func raised(ctx context.Context, f failure, r *Proposal, folder diff.Folder) (diff.Folder, error) {
	base := path.Dir(folder.Path)
	same := func(o diff.Folder) bool { return o.Path == folder.Path }
	sibling := func(o diff.Folder) bool { return o.Created && path.Dir(o.Path) == base }
	if !folder.Created || base == "/" || slices.ContainsFunc(f.plan.Folders, same) || !slices.ContainsFunc(f.plan.Folders, sibling) {
		return folder, nil
	}
	parent, err := diff.Inspect(ctx, base, f.in.Tree)
	if err != nil {
		return folder, err
	}
	parent.Why = fmt.Sprintf("the application creates folders in %s whose names change from run to run", base)
	parent.Evidence = folder.Evidence
	for _, o := range f.plan.Folders {
		if sibling(o) {
			r.Profile = r.Profile.WithoutMount(o.Path)
		}
	}
	return parent, nil
}

// unrelated reports whether a mount does not help against a line of the logs. The line names a file of the image that the
// user of the profile may not read, by the mode of the file or of a parent directory: the refusal is not about writing. Or it
// names, in a traced run, a folder that the user may not write in the image either: the application passed the open run so.
func unrelated(ctx context.Context, f failure, e diff.Evidence) (bool, error) {
	if e.Source != diff.FromLogs {
		return false, nil
	}
	found, ok, err := f.in.Tree.Lookup(ctx, e.Path)
	if err != nil {
		return false, fmt.Errorf("looking up the refused path %s in the image: %w", e.Path, err)
	}
	if complete(f.run) && (!ok || found.Kind != image.Dir || !may(found, f.cur.User, write)) {
		return true, nil
	}
	_, is, err := unreadableEntry(ctx, f.in.Tree, e.Path, f.cur.User)
	return is && found.Kind == image.File, err
}

// may reports whether the owner and mode of an entry give a user all the given rights (4 read, 2 write, 1 enter). Root has
// them always.
func may(e image.Entry, u profile.User, rights uint32) bool {
	bits := uint32(e.Mode.Perm())
	switch {
	case u.UID == 0:
		return true
	case e.UID == u.UID:
		bits >>= 6
	case inGroup(u, e.GID):
		bits >>= 3
	}
	return bits&rights == rights
}

func inGroup(u profile.User, gid int64) bool {
	if u.GID == gid {
		return true
	}
	for _, g := range u.Groups {
		if g == gid {
			return true
		}
	}
	return false
}

// realPath returns a path with the symlinks of its parents resolved in the image: a mount needs the real path.
func realPath(ctx context.Context, tree image.Tree, p string) (string, error) {
	if p == "/" {
		return p, nil
	}
	dir, err := image.Resolve(ctx, tree, path.Dir(p))
	if err != nil {
		return "", fmt.Errorf("resolving %s in the image: %w", p, err)
	}
	return path.Join(dir, path.Base(p)), nil
}

// proposeRoot adds a mount in place of /, where nothing can be mounted: a home if the application uses / as its home, or a
// separate working directory if / is its working directory.
func proposeRoot(ctx context.Context, f failure, r *Proposal, root []diff.Evidence) error {
	if len(root) == 0 {
		return nil
	}
	e := root[0]
	if hidden := strings.HasPrefix(path.Base(e.Path), "."); hidden && f.cur.Env["HOME"] == "" {
		home, err := freeFolder(ctx, f.in.Tree, "/home/podseal")
		if err != nil {
			return err
		}
		r.Profile = r.Profile.WithEnv("HOME", home).WithMount(profile.Mount{Path: home, Kind: profile.Plain})
		r.blame(HomeField, "the user has no home in the image, so the application uses / as its home", e.String(), f.strength(e))
		r.Reasons = append(r.Reasons, mountReason(home, "the application's HOME, in place of /"))
		return nil
	}
	if workingDir(f.in) == "/" && f.cur.WorkingDir == "" {
		dir, err := freeFolder(ctx, f.in.Tree, "/workdir")
		if err != nil {
			return err
		}
		r.Profile = r.Profile.WithMount(profile.Mount{Path: dir, Kind: profile.Plain})
		r.Profile.WorkingDir = dir
		r.blame(WorkingDirField, "writes into its working directory, which is /: nothing can be mounted there", e.String(), f.strength(e))
		r.Reasons = append(r.Reasons, mountReason(dir, insteadOfRoot))
	}
	return nil
}
