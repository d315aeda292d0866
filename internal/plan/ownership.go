package plan

import (
	"context"
	"fmt"
	"strings"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// proposeOwner turns the plain mounts that a message about owners or modes names into owned mounts.
func proposeOwner(_ context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	for _, l := range ownershipLines(f) {
		for _, m := range f.cur.Mounts {
			if m.Kind == profile.Plain && strings.Contains(l, m.Path) {
				m.Kind = profile.Owned
				r.mount(m, "the application wants to own the folder, which a kubelet creates with owner root", l, f.cap(FromLog))
			}
		}
	}
	return r, nil
}

func ownershipLines(f failure) []string {
	var out []string
	for l := range strings.Lines(said(f.logs, f.run.Commands)) {
		if ownership.MatchString(l) {
			out = append(out, strings.TrimSpace(l))
		}
	}
	return out
}

// proposeEveryOwner turns every plain mount whose folder has a non-root owner in the image into an owned mount.
func proposeEveryOwner(ctx context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	for _, m := range f.cur.Mounts {
		e, _, err := f.in.Tree.Lookup(ctx, m.Path)
		if err != nil {
			return r, fmt.Errorf("looking up %s in the image: %w", m.Path, err)
		}
		if m.Kind == profile.Plain && e.UID != 0 {
			m.Kind = profile.Owned
			r.mount(m, fmt.Sprintf("in the image uid %d owns the folder", e.UID), noEvidence, Guess)
		}
	}
	return r, nil
}

// proposeImageOwner seeds the unmounted folders that a message about owners or modes names and that belong to another user:
// the user of the profile owns the copy. Nothing is written there, so the message is the only evidence.
func proposeImageOwner(ctx context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	for _, l := range ownershipLines(f) {
		for _, at := range absolutePaths(l) {
			at, err := realPath(ctx, f.in.Tree, at)
			if err != nil {
				return r, err
			}
			if _, covered := r.Profile.Covering(at); covered || systemFolder(at) || at == "/" {
				continue
			}
			e, ok, err := f.in.Tree.Lookup(ctx, at)
			if err != nil {
				return r, fmt.Errorf("looking up %s in the image: %w", at, err)
			}
			if ok && e.Kind == image.Dir && e.UID != f.cur.User.UID {
				why := fmt.Sprintf("the application wants to own the folder, which belongs to uid %d in the image", e.UID)
				r.mount(profile.Mount{Path: at, Kind: profile.Seeded}, why, l, f.cap(FromLog))
			}
		}
	}
	return r, nil
}
