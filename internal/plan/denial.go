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

// proposeLast takes the last refusal before a crash: it is most often the one that mattered, and alone it is a proof.
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

// proposeDenied takes every refusal that the run showed, those that are only about owners, modes and times where there is
// no other.
func proposeDenied(ctx context.Context, f failure) (Proposal, error) {
	written := slices.DeleteFunc(slices.Clone(f.denied), diff.Evidence.MetadataOnly)
	if r, err := widen(ctx, f, written); err != nil || len(r.Blames) > 0 {
		return r, err
	}
	return widen(ctx, f, slices.Clone(f.denied))
}

// widen mounts the folders of refused writes, and lets the application own the mounts whose owner or mode it could not
// change.
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
		switch {
		case covered && at == m.Path && m.Kind == profile.Plain && e.Errno != "EROFS" && ownerCall(e):
			m.Kind = profile.Owned
			r.mount(m, "the application must own the folder, which a kubelet makes root's", e.String(), f.strength(e))
		case covered && e.Errno != "EROFS":
		case e.Errno == "EPERM" || (e.Source == diff.FromLogs && unreadable(ctx, f, at)):
			// not a matter of a read-only file system: another user or capability is
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
			continue // a copy of /etc or /usr is no answer
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

// ownerCall tells whether the evidence is about the owner, mode or times of the path itself.
func ownerCall(e diff.Evidence) bool {
	return e.MetadataOnly() || (e.Source == diff.FromLogs && (e.Errno == "EPERM" || ownership.MatchString(e.Line)))
}

// raised replaces a folder that the application makes by the one above it, when the open run made another one beside
// it that this run did not: the name changes from run to run. The other one's mount goes.
func raised(ctx context.Context, f failure, r *Proposal, folder diff.Folder) (diff.Folder, error) {
	base := path.Dir(folder.Path)
	same := func(o diff.Folder) bool { return o.Path == folder.Path }
	beside := func(o diff.Folder) bool { return o.Created && path.Dir(o.Path) == base }
	if !folder.Created || base == "/" || slices.ContainsFunc(f.plan.Folders, same) || !slices.ContainsFunc(f.plan.Folders, beside) {
		return folder, nil
	}
	above, err := diff.Inspect(ctx, base, f.in.Tree)
	if err != nil {
		return folder, err
	}
	above.Why = fmt.Sprintf("the application makes folders in %s whose names change from run to run", base)
	above.Evidence = folder.Evidence
	for _, o := range f.plan.Folders {
		if beside(o) {
			r.Profile = r.Profile.WithoutMount(o.Path)
		}
	}
	return above, nil
}

// unreadable tells whether the path is a file of the image that the user of the profile may not read, by its own mode or by
// that of a folder above it: then a refusal is not about writing.
func unreadable(ctx context.Context, f failure, at string) bool {
	e, ok, err := f.in.Tree.Lookup(ctx, at)
	if err != nil || !ok || e.Kind != image.File {
		return false
	}
	_, is, err := barred(ctx, f.in.Tree, at, f.cur.User)
	return err == nil && is
}

// MayRead tells whether a user may read an entry by its mode.
func MayRead(e image.Entry, u profile.User) bool { return may(e, u, 4) }

// may tells whether a user has all the given rights (4 read, 2 write, 1 enter) to an entry by its mode.
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

// realPath follows the symlinks of the image in a path's parents: a mount needs the real path.
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

// proposeRoot answers writes directly in /: a working directory of its own where the application works in /, and a home
// where it takes / for its home.
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
		r.blame(HomeField, "the user has no home in the image, so that / is taken for it", e.String(), f.strength(e))
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
	}
	return nil
}
