package seal

import (
	"context"
	"fmt"
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
	for _, relax := range relaxations(base) {
		if s.tried(relax) {
			continue
		}
		name := "with " + givenUp(relax) + " given up"
		if len(relax.Mounts) < len(base.Mounts) {
			name += ", without mounts"
		}
		o, err := s.round(ctx, name, relax, s.sealedLimits(false))
		if err != nil {
			return Result{}, err
		}
		if o.Passed() {
			return s.except(ctx, u, base, relax, failed)
		}
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

// relaxations are the profiles that give up settings, least grave first.
func relaxations(p profile.Profile) []profile.Profile {
	writable := p
	writable.WritableRoot = true
	bare := withoutMounts(writable) // the mounts themselves may be what does not work
	escalate := p
	escalate.AllowPrivilegeEscalation = true
	root := p
	root.User = profile.User{}
	capable := root
	capable.AddCapabilities = slices.Clone(engineCapabilities)
	all := withoutMounts(capable)
	all.WritableRoot, all.AllowPrivilegeEscalation = true, true
	return []profile.Profile{writable, bare, escalate, root, capable, all}
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

// fewerExceptions takes back, one by one and the gravest first, what was given up together and is not needed.
func (s *session) fewerExceptions(ctx context.Context, base, p profile.Profile) (profile.Profile, error) {
	if len(p.Exceptions()) > 1 {
		for _, back := range []func(*profile.Profile){
			func(p *profile.Profile) { p.User, p.AddCapabilities = base.User, base.AddCapabilities },
			func(p *profile.Profile) { // only a setuid program gives a user capabilities
				if p.AllowPrivilegeEscalation {
					p.User = base.User
				}
			},
			func(p *profile.Profile) { p.AddCapabilities = base.AddCapabilities },
			func(p *profile.Profile) { p.AllowPrivilegeEscalation = false },
			func(p *profile.Profile) {
				p.WritableRoot, p.Mounts, p.WorkingDir, p.Env = false, base.Mounts, base.WorkingDir, base.Env
			},
		} {
			fewer := p
			back(&fewer)
			if fewer.Equal(p) || s.tried(fewer) {
				continue
			}
			o, err := s.round(ctx, "with only "+givenUp(fewer)+" given up", fewer, s.sealedLimits(false))
			if err != nil {
				return p, err
			}
			if o.Passed() {
				p = fewer
			}
		}
	}
	return s.fewerCapabilities(ctx, p)
}

// fewerCapabilities takes the capabilities back in halves, then one by one.
func (s *session) fewerCapabilities(ctx context.Context, p profile.Profile) (profile.Profile, error) {
	for size := len(p.AddCapabilities) / 2; size >= 1; size /= 2 {
		for at := 0; at < len(p.AddCapabilities); {
			end := min(at+size, len(p.AddCapabilities))
			fewer := p
			fewer.AddCapabilities = slices.Delete(slices.Clone(p.AddCapabilities), at, end)
			if s.tried(fewer) {
				at = end
				continue
			}
			o, err := s.round(ctx, fmt.Sprintf("with %d capabilities", len(fewer.AddCapabilities)), fewer, s.sealedLimits(false))
			if err != nil {
				return p, err
			}
			if o.Passed() {
				p = fewer
			} else {
				at = end
			}
		}
	}
	return p, nil
}
