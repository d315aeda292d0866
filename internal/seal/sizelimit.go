package seal

import (
	"fmt"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

const (
	leastLimit  = 16 << 20 // of a sizeLimit
	limitFactor = 4        // between what a run left in a mount and its sizeLimit
	blockSize   = 4096     // what a file takes at least on a disk
)

// withLimits gives a profile that passed a sizeLimit for each mount, from the most that any run left in it. No run can
// enforce one on a disk, where a kubelet measures now and then and evicts: the passing run was below it.
func (s explanation) withLimits(p profile.Profile) profile.Profile {
	if !s.limits {
		return p
	}
	for _, m := range p.Mounts {
		if used, measured := s.most(m.Path); measured && limitable(s.target, m) {
			m.SizeLimit = sizeLimit(used)
			p = p.WithMount(m)
		}
	}
	return p
}

// limitable reports whether the volume of a mount can have a sizeLimit: every one but those of the pod that are not
// emptyDirs. An emptyDir of the pod that has a limit keeps it.
func limitable(t target.Target, m profile.Mount) bool {
	if !given(t, m) {
		return true
	}
	at, _ := t.GivenMount(m.Path)
	v, ok := t.Pod.Volume(at.Volume)
	return ok && v.Kind == target.EmptyDir
}

// sizeLimit returns a generous limit for a usage, in bytes: a power of two.
func sizeLimit(u observe.Usage) int64 {
	limit := int64(leastLimit)
	for limit < limitFactor*taken(u) {
		limit *= 2
	}
	return limit
}

// taken returns an upper bound of the disk space of a usage, in bytes: one block for each file on top of its bytes.
func taken(u observe.Usage) int64 { return u.Bytes + int64(u.Files)*blockSize }

// most returns the largest usage of a mount in any sealed run, and false if none was measured.
func (s explanation) most(at string) (most observe.Usage, measured bool) {
	for _, r := range s.rounds {
		for _, u := range r.Observation.Usage {
			if u.Path == at && !r.Profile.Open && (!measured || taken(u) > taken(most)) {
				most, measured = u, true
			}
		}
	}
	return most, measured
}

// limitReasons returns the reasons for the sizeLimits of a profile.
func (s explanation) limitReasons(p profile.Profile) []profile.Reason {
	var out []profile.Reason
	for _, m := range p.Mounts {
		if m.SizeLimit == 0 {
			continue
		}
		u, _ := s.most(m.Path)
		why := fmt.Sprintf("%d MiB: the runs left at most %d bytes in %d files there, %d times that is allowed for, and %d MiB at least; "+
			"no run enforces it, and what came and went between is not counted", m.SizeLimit>>20, u.Bytes, u.Files, limitFactor, leastLimit>>20)
		switch {
		case m.Medium == profile.Memory:
			why += "; it counts against the memory limit of the container"
		case m.Kind == profile.Seeded:
			why += "; the copy of the image's content is part of it"
		}
		out = append(out, profile.Reason{Field: "sizeLimit " + m.Path, Why: why})
	}
	for _, m := range s.target.Mounts {
		if v, _ := s.target.Pod.Volume(m.Volume); s.limits && v.Kind == target.EmptyDir && !m.Own && s.target.Writable(m) {
			out = append(out, profile.Reason{Field: "sizeLimit " + m.Path, Why: "none is proposed: volume " + m.Volume +
				" is shared or mounted in parts, so that no mount shows what it holds; set one for all of it"})
		}
	}
	return out
}
