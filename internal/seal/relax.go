package seal

import (
	"context"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/race"
	"github.com/podseal/podseal/internal/trial"
)

// engineCapabilities are what an engine gives a container by default.
var engineCapabilities = []string{
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW", "SETFCAP",
	"SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}

// relax looks for the smallest set of exceptions when no user and no widening passes. It tries larger and larger ones for
// the user who got farthest, and tightens and confirms the first that passes like any other profile. Inconclusive runs
// justify no exception.
func (s search) relax(ctx context.Context, tried []candidate) (finding, error) {
	if i := slices.IndexFunc(tried, func(c candidate) bool { return c.hopeless }); i >= 0 {
		// The missing program is named; that it would work with less of a seal is no news.
		c := tried[i]
		return finding{verdict: NotSealable, why: s.k.cannotMake(c.profile).Text, c: c, profile: c.profile}, nil
	}
	failed := slices.DeleteFunc(slices.Clone(tried), func(c candidate) bool { return c.last.Outcome != trial.Failed })
	if len(failed) == 0 {
		c := farthest(tried)
		why := "the last sealed run was inconclusive (" + string(c.last.Cause) + "): " + c.last.Observation.Failure.Text
		return finding{verdict: NotSealable, why: why, c: c, profile: c.profile}, nil
	}
	return relaxing{s, farthest(failed)}.run(ctx, tried)
}

// relaxing is the search for exceptions for one candidate.
type relaxing struct {
	search
	base candidate
}

func (s relaxing) run(ctx context.Context, tried []candidate) (finding, error) {
	c := s.base
	failed := c.last.Observation
	likely, err := s.k.likelyCapabilities(ctx, failed)
	if err != nil {
		return finding{}, err
	}
	relaxed := relaxedProfiles(c.profile, widest(tried, c.profile), likely)
	for i, p := range relaxed {
		relaxed[i] = s.opts.Floor.over(p)
	}
	at, err := race.First(ctx, len(relaxed), s.slots(), func(ctx context.Context, i int) (bool, error) {
		o, err := s.try(ctx, s.relaxedTrial(relaxed[i], c))
		return err == nil && (o.Passed() || o.Outcome == trial.Failed && o.Observation.Failure.Phase == observe.Restart), err
	})
	if err != nil {
		return finding{}, err
	}
	if at < 0 {
		why := "no setting alone is to blame; the last sealed run: " + failed.Failure.Text
		return finding{verdict: NotSealable, why: why, c: c, profile: c.profile}, nil
	}
	return s.except(ctx, relaxed[at], failed)
}

// relaxedTrial returns the trial of a profile with exceptions. One that keeps the user is given its whole limit: were it
// abandoned, a graver exception would be the result. With root in it, the target is not sealable in any case, and what tightening
// removes again is tried again: a failure counts at once.
func (s relaxing) relaxedTrial(p profile.Profile, c candidate) attempt {
	a := s.withoutTrial(relaxedName(p, c.profile), p, c)
	if p.User.UID != 0 {
		a.patience = trial.Patience{}
		return a
	}
	return a.unrepeated()
}

// farthest returns the candidate whose last run got farthest; of several the first.
func farthest(tried []candidate) candidate {
	best := tried[0]
	for _, c := range tried[1:] {
		if reached(c.last.Observation) > reached(best.last.Observation) {
			best = c
		}
	}
	return best
}

// reached says how far a failed run got.
func reached(o observe.Observation) int {
	if o.Failure.Kind == "" || o.Failure.Path != "" {
		return 0
	}
	return 1 + slices.Index([]observe.Phase{observe.Start, observe.E2E, observe.Stop, observe.Restart}, o.Failure.Phase)
}

// widest returns the profile with the most mounts of any candidate. It matters to root, who can fill mounts that others
// cannot read.
func widest(tried []candidate, p profile.Profile) profile.Profile {
	for _, c := range tried {
		if len(c.profile.Mounts) > len(p.Mounts) {
			p = c.profile
		}
	}
	return p
}

// relaxedProfiles returns the profiles that give up settings, least grave first: those that keep the user come before root.
// widest is the base of the profiles for root, likely are the capabilities that the application probably needs.
func relaxedProfiles(p, widest profile.Profile, likely []string) []profile.Profile {
	writable := p
	writable.WritableRoot = true
	bare := withoutMounts(writable) // the mounts themselves may be what does not work
	escalate := p
	escalate.AllowPrivilegeEscalation = true
	setuid := withCapabilities(escalate, engineCapabilities) // a setuid program gains them
	setuidBare := withoutMounts(setuid)
	setuidBare.WritableRoot = true
	root := p
	root.User = profile.User{}
	widest.User = root.User
	out := []profile.Profile{writable, bare, escalate, setuid, setuidBare, root}
	if len(likely) == 2 { // where there are more, one alone is hardly enough
		out = append(out, withCapabilities(widest, likely[:1]), withCapabilities(widest, likely[1:]))
	}
	if len(likely) > 0 {
		out = append(out, withCapabilities(widest, likely))
	}
	out = append(out, withCapabilities(widest, engineCapabilities), withCapabilities(root, engineCapabilities))
	if len(likely) > 0 {
		out = append(out, withCapabilities(shared(widest), likely))
	}
	out = append(out, withCapabilities(shared(widest), engineCapabilities))
	all := withoutMounts(withCapabilities(root, engineCapabilities))
	all.WritableRoot, all.AllowPrivilegeEscalation = true, true
	out = append(out, all)
	var unique []profile.Profile
	for _, q := range out {
		if !q.Equal(p) && !slices.ContainsFunc(unique, q.Equal) {
			unique = append(unique, q)
		}
	}
	return unique
}

func withCapabilities(p profile.Profile, names []string) profile.Profile {
	for _, name := range names {
		p = p.WithCapability(name)
	}
	return p
}

// withoutMounts returns a profile without what only a mount makes possible, VOLUMEs aside, which are always mounted.
func withoutMounts(p profile.Profile) profile.Profile {
	p.Mounts = slices.DeleteFunc(slices.Clone(p.Mounts), func(m profile.Mount) bool { return !m.Volume })
	for i := range p.Mounts {
		if p.Mounts[i].Kind == profile.Seeded {
			p.Mounts[i].Kind = profile.Plain
		}
	}
	p.WorkingDir, p.Env = "", nil
	return p
}

// shared returns a profile whose mounts everyone may write to: root's processes may be of several users.
func shared(p profile.Profile) profile.Profile {
	p.Mounts = slices.Clone(p.Mounts)
	for i, m := range p.Mounts {
		if owned(m) {
			p.Mounts[i].Kind, p.Mounts[i].Private = profile.Plain, false
		}
	}
	return p
}

func owned(m profile.Mount) bool { return m.Kind == profile.Owned }

func relaxedName(p, base profile.Profile) string {
	name := "with " + givenUp(p) + " given up"
	switch {
	case len(p.Mounts) < len(base.Mounts):
		name += ", without mounts"
	case slices.ContainsFunc(base.Mounts, owned) && !slices.ContainsFunc(p.Mounts, owned):
		name += ", with mounts for everyone"
	}
	return name
}

// givenUp names what a profile gives up, all of the engine's capabilities in one word.
func givenUp(p profile.Profile) string {
	all := len(p.AddCapabilities) >= len(engineCapabilities)
	if all {
		p.AddCapabilities = nil
	}
	names := p.Exceptions()
	if all {
		names = append(names, "capabilities")
	}
	return strings.Join(names, ", ")
}
