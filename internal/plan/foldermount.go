package plan

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// mountFor returns the mount that a folder needs under a user, and the reason. A folder that the user cannot enter or read
// gets an empty mount: neither the application nor an init container of the same user can read the content that it hides. The
// mount is at the topmost folder that the user cannot enter, because a mount below could not be reached. If another candidate
// may read the folder, it gets the usual mount, and that candidate is the better user.
func mountFor(ctx context.Context, in Input, user profile.User, f diff.Folder) (profile.Mount, string, error) {
	m := MountFor(f)
	if kept, err := ownedBelow(ctx, in, f); err != nil {
		return m, "", err
	} else if kept != "" && in.Seeding.Cannot(profile.Mount{Path: m.Path, Kind: profile.Seeded}) == "" {
		m.Kind = profile.Seeded
		return m, fmt.Sprintf("%s except the folder %s, which an empty mount would hide", f.Why, kept), nil
	}
	closed, err := closedTo(ctx, in.Tree, user, f.Path)
	if err != nil || closed == "" || f.Volume && closed != f.Path || m.Kind != profile.Seeded && closed == f.Path {
		return m, f.Why, err
	}
	others, err := Users(ctx, in)
	if err != nil {
		return m, "", err
	}
	for _, u := range others {
		if shut, err := closedTo(ctx, in.Tree, u.User, f.Path); err != nil || shut == "" {
			return m, f.Why, err
		}
	}
	m.Path, m.Kind = closed, profile.Plain
	return m, fmt.Sprintf("%s; uid %d may not read %s, so an empty folder hides nothing from it", f.Why, user.UID, closed), nil
}

// ownedBelow returns the first folder with a non-root owner below a folder that contains folders only; "" if there is none. The
// application expects such a folder to exist. Folders that get their own mount do not count: the open run wrote there, or they
// are VOLUMEs.
func ownedBelow(ctx context.Context, in Input, f diff.Folder) (string, error) {
	if f.Content != diff.Empty || len(f.Hides) == 0 {
		return "", nil
	}
	if e, _, err := in.Tree.Lookup(ctx, f.Path); err != nil || e.Mode&fs.ModeSticky != 0 {
		return "", err // a temp folder: its content is a leftover of the build
	}
	entries, _, err := in.Tree.List(ctx, f.Path, maxSeedFiles)
	if err != nil {
		return "", fmt.Errorf("listing %s in the image: %w", f.Path, err)
	}
	written, volumes := diff.Collect(in.Open).Allowed(), Volumes(in.Facts)
	for _, e := range entries {
		below := func(w diff.Evidence) bool { return !f.Volume && profile.Within(w.Path, e.Path) }
		mounted := func(v string) bool { return v != f.Path && profile.Within(e.Path, v) }
		if e.Kind == image.Dir && e.UID != 0 && !slices.ContainsFunc(written, below) && !slices.ContainsFunc(volumes, mounted) {
			return e.Path, nil
		}
	}
	return "", nil
}

// closedTo returns the topmost folder, at or above a path, that a user may not enter, or the folder itself if the user may
// not list it; "" if there is none.
func closedTo(ctx context.Context, tree image.Tree, user profile.User, at string) (string, error) {
	closed := ""
	for p := at; p != "/"; p = path.Dir(p) {
		e, _, err := tree.Lookup(ctx, p)
		if err != nil {
			return "", fmt.Errorf("looking up %s in the image: %w", p, err)
		}
		if e.Kind == image.Dir && (!may(e, user, enter) || p == at && !may(e, user, read)) {
			closed = p
		}
	}
	return closed, nil
}

// The bits of the rights in a mode.
const (
	read  = 4
	write = 2
	enter = 1
)

// mountFolder adds the mount that a folder needs under the current user.
func (p *Proposal) mountFolder(ctx context.Context, f failure, folder diff.Folder, evidence string, strength Strength) error {
	m, why, err := mountFor(ctx, f.in, f.cur.User, folder)
	if err != nil {
		return err
	}
	p.mount(m, why, evidence, strength)
	return nil
}

// proposeSeedPartly lets the copy of a seeded mount skip what its init container could not copy.
func proposeSeedPartly(ctx context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	m, _ := f.cur.Mount(f.run.Failure.Path)
	if m.Kind != profile.Seeded {
		return r, nil
	}
	why, err := leftOut(ctx, f, m)
	if err != nil || why == "" {
		return r, err
	}
	m.Partial = true
	r.mount(m, "the application writes next to content of the image here; "+why+", so the copy leaves it out", f.run.Failure.Text, FromExit)
	return r, nil
}

// deviceRefused matches the messages of cp for a device file, which takes a capability to make.
var deviceRefused = regexp.MustCompile(`special file|can't create .*: Operation not permitted`)

// leftOut returns why the copy of a seeded mount cannot have all files: one that the user may not read, or a device file. It
// returns "" if there is none, and if a candidate for the user may read all of them: that user is the better answer.
func leftOut(ctx context.Context, f failure, m profile.Mount) (string, error) {
	bad, found, err := Unreadable(ctx, f.in.Tree, m, f.cur.User, f.run.Failure.Text)
	if err != nil {
		return "", err
	}
	if found {
		if other, err := readableByOther(ctx, f, m); err != nil || other {
			return "", err
		}
		return fmt.Sprintf("uid %d may not read %s", f.cur.User.UID, bad.Path), nil
	}
	if !deviceRefused.MatchString(f.run.Failure.Text) {
		return "", nil
	}
	entries, more, err := f.in.Tree.List(ctx, m.Path, maxSeedFiles)
	if err != nil {
		return "", fmt.Errorf("listing %s in the image: %w", m.Path, err)
	}
	for _, e := range entries {
		if e.Kind == image.Other && strings.Contains(f.run.Failure.Text, strings.TrimPrefix(e.Path, m.Path)) {
			return fmt.Sprintf("no init container may make a device file, such as %s", e.Path), nil
		}
	}
	if more {
		return "no init container may make the device files that it has", nil
	}
	return "", nil
}

// readableByOther reports whether a candidate for the user may copy all of a seeded mount.
func readableByOther(ctx context.Context, f failure, m profile.Mount) (bool, error) {
	users, err := Users(ctx, f.in)
	if err != nil {
		return false, err
	}
	for _, u := range users {
		if _, worse, err := Unreadable(ctx, f.in.Tree, m, u.User, f.run.Failure.Text); err != nil || !worse {
			return true, err
		}
	}
	return false, nil
}

// withoutBelow removes the mounts below a folder that gets a seeded mount, whose copy has their content. VOLUMEs and the
// mounts of the pod itself are kept.
func (f failure) withoutBelow(p profile.Profile, dir string) profile.Profile {
	for _, m := range slices.Clone(p.Mounts) {
		if m.Path != dir && profile.Within(m.Path, dir) && !f.fixed(m) {
			p = p.WithoutMount(m.Path)
		}
	}
	return p
}

// fixed reports whether a mount belongs to the image or to the pod: a VOLUME, or an emptyDir of the container. No rule replaces it.
func (f failure) fixed(m profile.Mount) bool {
	_, ofPod := f.in.Target.GivenMount(m.Path)
	return m.Volume || ofPod
}

// withoutCovered removes the mounts below a folder that gets a mount, if they are no longer needed: all of them if the mount is
// seeded, else those of folders that the image does not have and that the application creates itself.
func (f failure) withoutCovered(ctx context.Context, p profile.Profile, folder diff.Folder) (profile.Profile, error) {
	if folder.Content == diff.Filled {
		return f.withoutBelow(p, folder.Path), nil
	}
	for _, m := range slices.Clone(p.Mounts) {
		if !profile.Within(m.Path, folder.Path) || m.Path == p.Env["HOME"] {
			continue
		}
		below, err := diff.Inspect(ctx, m.Path, f.in.Tree)
		if err != nil {
			return p, err
		}
		if below.Content == diff.Absent && !f.fixed(m) {
			p = p.WithoutMount(m.Path)
		}
	}
	return p, nil
}
