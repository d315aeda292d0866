package plan

import (
	"context"
	"slices"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// FSGroupField is the reason's field for the group of the pod's volumes.
const FSGroupField = "fsGroup"

// given returns the volume that the pod itself has at a path: it stays what it is, whatever the application writes. An
// emptyDir of the container's own is not given in this sense: it is one of the profile's mounts.
func given(t target.Target, at string) (target.VolumeMount, bool) {
	m, ok := t.GivenMount(at)
	return m, ok && !m.Own
}

// passing is the name that the pod has in the runs only, which the application may call a folder by; "" where it has none.
func (in Input) passing() string {
	if in.Target.Pod == nil || !in.Target.Pod.Passing {
		return ""
	}
	return in.Target.Pod.Name
}

// written is the evidence of what the open run wrote.
func (in Input) written() diff.List { return diff.Collect(in.Open).Allowed().Passing(in.passing()) }

// ungiven are the refusals that a mount could mend: those outside of the pod's own volumes.
func ungiven(t target.Target, denied diff.List) diff.List {
	return slices.DeleteFunc(denied, func(e diff.Evidence) bool {
		_, is := given(t, e.Path)
		return is
	})
}

// proposeClaim answers a refusal in a persistent volume, whose root is root's: the pod's fsGroup makes it writable for
// the group of the user.
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
		r.blame(FSGroupField, "the volume "+m.Volume+" at "+m.Path+" is root's, and only its group may be changed by a pod", e.String(), f.strength(e))
		return r, nil
	}
	return r, nil
}

// groupOf is a group of the user that is not root's.
func groupOf(u profile.User) int64 {
	if u.GID != 0 {
		return u.GID
	}
	return u.UID
}
