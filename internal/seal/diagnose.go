package seal

import (
	"context"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
)

// engineCapabilities are what an engine gives a container by default.
var engineCapabilities = []string{
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW", "SETFCAP",
	"SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}

// diagnose looks for the settings to blame when no user and no widening passes: it relaxes one setting at a time, the
// least grave first, for the user who got farthest.
func (s *session) diagnose(ctx context.Context, users []plan.UserChoice) (Result, error) {
	u, base, failed := s.farthest(users)
	for _, r := range slices.Backward(s.rounds) {
		if why, _ := s.cannotMake(r.Profile); why != "" {
			// What is missing is named; that it would work with less of a seal is no news.
			return s.finish(ctx, Result{Verdict: NotSealable, Profile: r.Profile, Why: why})
		}
	}
	likely, err := s.likelyCapabilities(ctx, failed)
	if err != nil {
		return Result{}, err
	}
	var trials []trial
	for _, relax := range relaxations(base, s.widest(base), likely) {
		known := func(t trial) bool { return t.profile.Equal(relax) }
		if s.tried(relax) || slices.ContainsFunc(trials, known) {
			continue
		}
		name := "with " + givenUp(relax) + " given up"
		if len(relax.Mounts) < len(base.Mounts) {
			name += ", without mounts"
		}
		trials = append(trials, trial{name, relax})
	}
	at, err := s.firstPassing(ctx, trials)
	if err != nil {
		return Result{}, err
	}
	if at >= 0 {
		return s.except(ctx, u, base, trials[at].profile, failed)
	}
	return s.finish(ctx, Result{
		Verdict: NotSealable, Profile: base, User: u.Name,
		Why: "no setting alone is to blame; the last sealed run: " + failed.Failure,
	})
}

// farthest is the user whose runs got farthest, with the widest profile that got there and its run; of several the one
// that comes first in the order of the candidates.
func (s *session) farthest(users []plan.UserChoice) (plan.UserChoice, profile.Profile, observe.Observation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	best := users[0]
	at := profile.Profile{User: best.User, Seeding: s.in.Seeding.Profile}
	var run observe.Observation
	for _, u := range users {
		for _, r := range s.rounds {
			if r.Profile.Open || r.Profile.User.UID != u.User.UID {
				continue
			}
			mine := r.Profile.User.UID == at.User.UID
			if far, had := reached(r.Observation), reached(run); far > had || far == had && mine && len(r.Profile.Mounts) >= len(at.Mounts) {
				best, at, run = u, r.Profile, r.Observation
			}
		}
	}
	return best, at, run
}

// reached says how far a failed run got.
func reached(o observe.Observation) int {
	if o.Failure == "" || o.FailedSeed != "" {
		return 0
	}
	return 1 + slices.Index([]observe.Phase{observe.Start, observe.E2E, observe.Stop, observe.Restart}, o.FailedIn)
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

// widest is the profile of any user with the most mounts, if that has more than the given one. It matters to root, who can
// fill mounts that others cannot read.
func (s *session) widest(p profile.Profile) profile.Profile {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rounds {
		if !r.Profile.Open && len(r.Profile.Mounts) > len(p.Mounts) {
			p = r.Profile
		}
	}
	return p
}

// relaxations are the profiles that give up settings, least grave first; widest is the profile for root with capabilities,
// likely are those that the application probably needs.
func relaxations(p, widest profile.Profile, likely []string) []profile.Profile {
	writable := p
	writable.WritableRoot = true
	bare := withoutMounts(writable) // the mounts themselves may be what does not work
	escalate := p
	escalate.AllowPrivilegeEscalation = true
	root := p
	root.User = profile.User{}
	out := []profile.Profile{writable, bare, escalate, root}
	widest.User = root.User
	if len(likely) == 2 { // where there are more, one alone is hardly enough
		out = append(out, withCapabilities(widest, likely[:1]), withCapabilities(widest, likely[1:]))
	}
	if len(likely) > 0 {
		out = append(out, withCapabilities(widest, likely))
	}
	out = append(out, withCapabilities(widest, engineCapabilities), withCapabilities(root, engineCapabilities))
	all := withoutMounts(withCapabilities(root, engineCapabilities))
	all.WritableRoot, all.AllowPrivilegeEscalation = true, true
	return append(out, all)
}

func withCapabilities(p profile.Profile, names []string) profile.Profile {
	for _, name := range names {
		p = p.WithCapability(name)
	}
	return p
}

// withoutMounts is a profile without what only a mount makes possible, VOLUMEs aside, which are always mounted.
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

// except states the result for a profile that passes only with exceptions, after taking back what it does not need.
func (s *session) except(ctx context.Context, u plan.UserChoice, base, p profile.Profile, failed observe.Observation) (Result, error) {
	p, err := s.fewerExceptions(ctx, base, p)
	if err != nil {
		return Result{}, err
	}
	res := Result{Verdict: SealedWithExceptions, Profile: p, User: u.Name}
	for _, name := range p.Exceptions() {
		fix, err := s.fix(ctx, name, base, failed)
		if err != nil {
			return res, err
		}
		res.Exceptions = append(res.Exceptions, Exception{Setting: name, Why: "sealed, it failed: " + failed.Failure + lastWords(failed), Fix: fix})
	}
	if p.User.UID == 0 {
		res.Verdict, res.User = NotSealable, "root"
		s.why = slices.DeleteFunc(s.why, func(r profile.Reason) bool { return r.Field == "runAsUser" })
		s.why = append(s.why, profile.Reason{Field: "runAsUser", Why: "no other user works: see the exceptions"})
	}
	res.Why = "it works only without " + strings.Join(p.Exceptions(), ", ") + "; sealed, it failed: " + failed.Failure
	return s.finish(ctx, res)
}

// fewerExceptions takes back what was given up together and is not needed: each alone, side by side, then the gravest
// first, one after the other.
func (s *session) fewerExceptions(ctx context.Context, base, p profile.Profile) (profile.Profile, error) {
	if len(p.Exceptions()) > 1 && s.slots() > 1 {
		_, err := s.sideBySide(ctx, len(backs), s.slots(), func(ctx context.Context, i int) (bool, error) {
			_, err := s.enough(ctx, backs[i](p, base))
			return false, err // all of them are of interest
		})
		if err != nil {
			return p, err
		}
	}
	for _, back := range backs {
		if len(p.Exceptions()) < 2 {
			break
		}
		fewer := back(p, base)
		ok, err := s.enough(ctx, fewer)
		if err != nil {
			return p, err
		}
		if ok {
			p = fewer
		}
	}
	return s.fewerCapabilities(ctx, p)
}

// backs take back one thing each, the gravest first.
var backs = []func(p, base profile.Profile) profile.Profile{
	func(p, base profile.Profile) profile.Profile {
		p.User, p.AddCapabilities = base.User, base.AddCapabilities
		return p
	},
	func(p, base profile.Profile) profile.Profile { // only a setuid program gives a user capabilities
		if p.AllowPrivilegeEscalation {
			p.User = base.User
		}
		return p
	},
	func(p, base profile.Profile) profile.Profile { p.AddCapabilities = base.AddCapabilities; return p },
	func(p, _ profile.Profile) profile.Profile { p.AllowPrivilegeEscalation = false; return p },
	func(p, base profile.Profile) profile.Profile {
		if p.WritableRoot {
			p.WritableRoot, p.Mounts, p.WorkingDir, p.Env = false, base.Mounts, base.WorkingDir, base.Env
		}
		return p
	},
}

// enough tells whether a profile that gives up less passes.
func (s *session) enough(ctx context.Context, fewer profile.Profile) (bool, error) {
	if s.tried(fewer) {
		return s.lastOf(fewer).Passed(), nil
	}
	o, err := s.round(ctx, "with only "+givenUp(fewer)+" given up", fewer, s.trialLimits().once())
	return o.Passed(), err
}
