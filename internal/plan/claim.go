package plan

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// FSGroupField is the field of a Reason for the group of the pod's volumes.
const FSGroupField = "fsGroup"

// given returns the pod's own mount at or above a path, and false if there is none. The planner never changes such a mount.
// An emptyDir that only the container mounts does not count: it is one of the profile's mounts.
func given(t target.Target, at string) (target.VolumeMount, bool) {
	m, ok := t.GivenMount(at)
	return m, ok && !m.Own
}

// passing returns the name that the pod has in podseal's runs only, or the container's host in one run only; "" if the name is
// fixed. The application may use it for a folder.
func (in Input) passing(run observe.Observation) string {
	if in.Target.Pod == nil || !in.Target.Pod.Passing {
		return run.Hostname
	}
	return in.Target.Pod.Name
}

// written returns the evidence of the writes that succeeded in the open run.
func (in Input) written() diff.List {
	return diff.Collect(in.Open).Allowed().Passing(in.passing(in.Open))
}

// ungiven returns the refusals that a mount could fix: those outside the pod's own volumes.
func ungiven(t target.Target, denied diff.List) diff.List {
	return slices.DeleteFunc(denied, func(e diff.Evidence) bool {
		_, is := given(t, e.Path)
		return is
	})
}

// proposeClaim sets the pod's fsGroup after a refusal in a persistent volume. Root owns such a volume, and the fsGroup makes
// it writable for the group of the user.
func proposeClaim(_ context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	if f.cur.FSGroup != 0 || f.cur.User.UID == 0 || f.in.Target.Pod == nil || f.in.Target.Pod.FSGroup != nil {
		return r, nil
	}
	for _, e := range f.denied {
		m, ok := given(f.in.Target, e.Path)
		v, _ := f.in.Target.Pod.Volume(m.Volume)
		if !ok || v.Kind != target.Claim || !f.in.Target.Writable(m) || e.Errno == "EROFS" {
			continue
		}
		r.Profile.FSGroup = groupOf(f.cur.User)
		r.blame(FSGroupField, "the volume "+m.Volume+" at "+m.Path+" belongs to root, and a pod can only change its group", e.String(), f.strength(e))
		return r, nil
	}
	return r, nil
}

// proposeSetgid sets the pod's fsGroup to the group of a setgid folder that has a mount: what is made in such a folder gets its
// group, and an emptyDir does so for the fsGroup alone.
func proposeSetgid(ctx context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	if f.cur.FSGroup != 0 || f.in.Target.Pod != nil && f.in.Target.Pod.FSGroup != nil {
		return r, nil
	}
	for _, m := range f.cur.Mounts {
		e, ok, err := f.in.Tree.Lookup(ctx, m.Path)
		if err != nil {
			return r, fmt.Errorf("looking up %s in the image: %w", m.Path, err)
		}
		if ok && e.Kind == image.Dir && e.Mode&fs.ModeSetgid != 0 && e.GID != 0 && e.GID != f.cur.User.GID {
			r.Profile.FSGroup = e.GID
			r.blame(FSGroupField, fmt.Sprintf("%s is setgid in the image: what is made in it gets the group %d", m.Path, e.GID), noEvidence, Guess)
			return r, nil
		}
	}
	return r, nil
}

// groupOf returns the GID of the user, or its UID if the GID is root's.
func groupOf(u profile.User) int64 {
	if u.GID != 0 {
		return u.GID
	}
	return u.UID
}
