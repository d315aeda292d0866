package seal

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
)

// engineCapabilities are what an engine gives a container by default.
var engineCapabilities = []string{
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW", "SETFCAP",
	"SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}

// fixes say what to change in the image to lose an exception.
var fixes = map[string]string{
	"readOnlyRootFilesystem":   "let the application write only below folders of its own (a data, cache or temp folder that can be configured), and make them in the Dockerfile",
	"runAsNonRoot":             "add a numeric USER as the last line of the Dockerfile, and give it what the application needs: files it may read, ports from 1024, no step at the start that needs root",
	"allowPrivilegeEscalation": "run without setuid programs: no sudo, su or ping in the entrypoint",
	"restart":                  "remove a stale pid or lock file at the start, or keep it in a folder that does not outlive the container",
}

// diagnose looks for the settings to blame when no user and no widening passes: it relaxes one setting at a time, the
// least grave first.
func (s *session) diagnose(ctx context.Context, users []plan.UserChoice) (Result, error) {
	if res, ok := s.onlyRestartFails(users); ok {
		return s.finish(ctx, res)
	}
	u := users[0]
	base := s.widest(u)
	last := s.rounds[len(s.rounds)-1].Observation.Failure
	for _, relax := range relaxations(base) {
		if s.tried(relax) {
			continue
		}
		name := "with " + strings.Join(relax.Exceptions(), ", ") + " given up"
		if len(relax.Mounts) < len(base.Mounts) {
			name += ", without mounts"
		}
		o, err := s.round(ctx, name, relax, s.sealedLimits(false))
		if err != nil {
			return Result{}, err
		}
		if o.Passed() {
			return s.except(ctx, u, relax, last)
		}
	}
	return s.finish(ctx, Result{
		Verdict: NotSealable, Profile: base, User: u.Name,
		Why: "no setting alone is to blame; the last sealed run: " + last,
	})
}

// relaxations are the profiles that give up settings, least grave first.
func relaxations(p profile.Profile) []profile.Profile {
	writable := p
	writable.WritableRoot = true
	bare := writable // the mounts themselves may be what does not work
	bare.Mounts = slices.DeleteFunc(slices.Clone(p.Mounts), func(m profile.Mount) bool { return !m.Volume })
	bare.WorkingDir, bare.Env = "", nil
	escalate := p
	escalate.AllowPrivilegeEscalation = true
	root := p
	root.User = profile.User{}
	capable := root
	capable.AddCapabilities = slices.Clone(engineCapabilities)
	all := capable
	all.Mounts, all.WorkingDir, all.Env = bare.Mounts, "", nil
	all.WritableRoot, all.AllowPrivilegeEscalation = true, true
	return []profile.Profile{writable, bare, escalate, root, capable, all}
}

// except states the result for a profile that passes only with exceptions, after taking back the capabilities that it
// does not need.
func (s *session) except(ctx context.Context, u plan.UserChoice, p profile.Profile, last string) (Result, error) {
	p, err := s.fewerExceptions(ctx, p)
	if err != nil {
		return Result{}, err
	}
	res := Result{Verdict: SealedWithExceptions, Profile: p, User: u.Name}
	for _, name := range p.Exceptions() {
		kind, _, _ := strings.Cut(name, ":")
		fix := fixes[kind]
		if fix == "" {
			fix = "change the application so that it does not need the capability"
		}
		res.Exceptions = append(res.Exceptions, Exception{Setting: name, Why: "without it: " + last, Fix: fix})
	}
	if p.User.UID == 0 {
		res.Verdict, res.User = NotSealable, "root"
		s.why = slices.DeleteFunc(s.why, func(r profile.Reason) bool { return r.Field == "runAsUser" })
		s.why = append(s.why, profile.Reason{Field: "runAsUser", Why: "no other user works: see the exceptions"})
	}
	res.Why = "it works only without " + strings.Join(p.Exceptions(), ", ") + "; sealed, it failed: " + last
	return s.finish(ctx, res)
}

// fewerExceptions takes back what was given up together and is not needed.
func (s *session) fewerExceptions(ctx context.Context, p profile.Profile) (profile.Profile, error) {
	if p.WritableRoot && p.AllowPrivilegeEscalation {
		sealed, held := p, p
		sealed.WritableRoot, held.AllowPrivilegeEscalation = false, false
		for _, fewer := range []profile.Profile{sealed, held} {
			o, err := s.round(ctx, "with only "+strings.Join(fewer.Exceptions(), ", ")+" given up", fewer, s.sealedLimits(false))
			if err != nil {
				return p, err
			}
			if o.Passed() {
				p = fewer
				break
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

// widest is the widest profile that was tried for a user.
func (s *session) widest(u plan.UserChoice) profile.Profile {
	best := profile.Profile{User: u.User}
	for _, r := range s.rounds {
		if !r.Profile.Open && r.Profile.User.UID == u.User.UID && len(r.Profile.Mounts) >= len(best.Mounts) {
			best = r.Profile
		}
	}
	return best
}

// onlyRestartFails tells of a target that passes sealed but does not come back after its first process was killed.
func (s *session) onlyRestartFails(users []plan.UserChoice) (Result, bool) {
	for _, r := range s.rounds {
		if r.Profile.Open || r.Observation.FailedIn != "restart" {
			continue
		}
		u := users[slices.IndexFunc(users, func(u plan.UserChoice) bool { return u.User.UID == r.Profile.User.UID })]
		return Result{
			Verdict: SealedWithExceptions, Profile: r.Profile, User: u.Name,
			Why:        "it works sealed, but not after a restart: " + r.Observation.Failure,
			Exceptions: []Exception{{Setting: "restart", Why: r.Observation.Failure, Fix: fixes["restart"]}},
		}, true
	}
	return Result{}, false
}
