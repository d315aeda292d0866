package plan

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
)

// proposeDeferred mounts the folders that the open run wrote and that the first profile left read-only.
func proposeDeferred(ctx context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	for _, d := range f.plan.Deferred {
		if _, ok := f.cur.Mount(d.Path); ok || onlyMetadata(d) || systemFolder(d.Path) {
			continue
		}
		if err := r.mountFolder(ctx, f, d, "the open run wrote "+d.Evidence[0].Path, FromEarlier); err != nil {
			return r, err
		}
	}
	return r, nil
}

func onlyMetadata(f diff.Folder) bool {
	for _, e := range f.Evidence {
		if !e.MetadataOnly() {
			return false
		}
	}
	return true
}

// proposeUnused applies raise to the mounts that the open run wrote to at its start, and that this run, although it became
// ready, did not write to. There the mount point itself made the difference.
func proposeUnused(_ context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	if f.run.Failure.Phase != observe.E2E || !f.run.Trace.Complete() {
		return r, nil
	}
	seen := diff.Collect(f.run)
	for _, o := range f.plan.Folders {
		within := func(e diff.Evidence) bool { return e.Path != o.Path && profile.Within(e.Path, o.Path) }
		atStart := func(e diff.Evidence) bool { return within(e) && e.Phase == observe.Start }
		if slices.ContainsFunc(o.Evidence, atStart) && !slices.ContainsFunc(seen, within) {
			f.raise(&r, o, "the open run wrote in it, the sealed run did not", FromEarlier)
		}
	}
	return r, nil
}

// proposeRaise mounts the parent directories of the mounts that the application creates itself. An existing mount point may
// change the application's behaviour, and the application may replace the folder as a whole.
func proposeRaise(_ context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	for _, o := range f.plan.Folders {
		f.raise(&r, o, noEvidence, Guess)
	}
	return r, nil
}

// raise mounts the parent directory of a mounted folder that the application creates itself.
func (f failure) raise(r *Proposal, o diff.Folder, evidence string, strength Strength) {
	base := path.Dir(o.Path)
	if _, ok := r.Profile.Mount(o.Path); !ok || !o.Created || strings.Count(base, "/") < 2 {
		return
	}
	r.Profile = f.withoutBelow(r.Profile, base)
	r.mount(profile.Mount{Path: base, Kind: profile.Seeded}, fmt.Sprintf("the application creates %s itself and does not accept a mount there", o.Path), evidence, strength)
}
