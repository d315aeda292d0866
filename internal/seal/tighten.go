package seal

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
)

// reduction is one thing that may be taken away from a passing profile.
type reduction struct {
	field string
	take  func(profile.Profile) profile.Profile
	// keep it even where a run passes without it: nothing looks at the application after its stop, so that no run can
	// show that what it saves there is not needed.
	keep bool
}

// tighten takes away what the passing profile does not need, and proves the rest: one run without each thing that no
// failed run has proved yet. The profile that it returns has passed.
func (s *session) tighten(ctx context.Context, p profile.Profile) (profile.Profile, error) {
	if s.opts.Minimize == MinimizeNone {
		return p, nil
	}
	p, err := s.dropUntouched(ctx, p)
	if err != nil || s.opts.Minimize == MinimizeFast {
		return p, err
	}
	needless, err := s.trials(ctx, p, s.reductions(p))
	if err != nil || len(needless) == 0 {
		return p, err
	}
	return s.dropTogether(ctx, p, needless)
}

// dropUntouched takes away, in one run, the mounts in which the passing run wrote nothing, where the tracer saw it all.
func (s *session) dropUntouched(ctx context.Context, p profile.Profile) (profile.Profile, error) {
	o := s.lastPassed(p)
	if !o.Trace.On || o.Trace.Lost > 0 {
		return p, nil
	}
	next := p
	for _, m := range p.Mounts {
		if !m.Volume && !s.given(m) && s.proofs[plan.MountField(m.Path)] == "" && !touched(o, p, m) {
			next = next.WithoutMount(m.Path)
		}
	}
	if next.Equal(p) || s.tried(next) {
		return p, nil
	}
	got, err := s.sealed(ctx, "without what was not touched", next)
	if err != nil || !got.Passed() {
		return p, err
	}
	return next, nil
}

// touched tells whether a run wrote in a mount, or changed the mount itself.
func touched(o observe.Observation, p profile.Profile, m profile.Mount) bool {
	for _, e := range diff.Collect(o) {
		if e.Outcome == observe.Unknown || e.Noise != "" {
			continue
		}
		if c, ok := p.Covering(e.Path); ok && c.Path == m.Path {
			return true
		}
	}
	return false
}

// trials runs the profile without each reduction, side by side, and returns those that it does not need.
func (s *session) trials(ctx context.Context, p profile.Profile, all []reduction) ([]reduction, error) {
	failures := make([]string, len(all))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, s.opts.Parallel))
	for i, r := range all {
		g.Go(func() error {
			o, err := s.steady(ctx, "without "+r.field, r.take(p), s.trialLimits())
			if err != nil {
				return err
			}
			if !o.Passed() {
				failures[i] = proof(o, plan.Sign(o, p, r.take(p)))
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var needless []reduction
	for i, r := range all {
		if failures[i] == "" && r.keep {
			continue
		}
		if failures[i] == "" {
			needless = append(needless, r)
			continue
		}
		s.proofs[r.field] = failures[i]
	}
	return needless, nil
}

// dropTogether takes away all that single runs did without. Where they cannot all go at once, one after the other.
func (s *session) dropTogether(ctx context.Context, p profile.Profile, needless []reduction) (profile.Profile, error) {
	next := p
	for _, r := range needless {
		next = r.take(next)
	}
	ok, err := s.passes(ctx, "without all that is not needed", next)
	if err != nil || ok {
		return next, err
	}
	for _, r := range needless {
		without := r.take(p)
		if ok, err = s.passes(ctx, "without "+r.field+" too", without); err != nil {
			return p, err
		}
		if ok {
			p = without
		} else {
			s.proofs[r.field] = "without it and what else is not needed, a run fails"
		}
	}
	return p, nil
}

// passes tells whether a profile passes, from a run before or from a new one.
func (s *session) passes(ctx context.Context, name string, p profile.Profile) (bool, error) {
	if s.lastPassed(p).ReadyIn > 0 {
		return true, nil
	}
	o, err := s.sealed(ctx, name, p)
	return o.Passed(), err
}

// lastPassed is the observation of the last passing round under a profile; the zero value if there is none.
func (s *session) lastPassed(p profile.Profile) observe.Observation {
	r, _ := Result{Rounds: s.rounds, Profile: p}.Proved()
	return r.Observation
}

// reductions lists what may be taken away and is not proved yet. VOLUMEs stay: without a mount, runtimes differ in what
// they put there, so no run can prove that it is not needed.
func (s *session) reductions(p profile.Profile) []reduction {
	var out []reduction
	add := func(field string, take func(profile.Profile) profile.Profile) {
		if s.proofs[field] == "" {
			out = append(out, reduction{field: field, take: take})
		}
	}
	for _, m := range p.Mounts {
		if m.Medium == profile.Memory && !s.given(m) && s.proofs[plan.MountField(m.Path)] == "" {
			add("the memory of "+m.Path, func(p profile.Profile) profile.Profile { return onDisk(p, m.Path) })
		}
		switch {
		case s.given(m) || m.Path == p.WorkingDir || m.Path == p.Env["HOME"]: // the user's own, or goes with its setting
		case m.Kind == profile.Owned:
			add(plan.MountField(m.Path), func(p profile.Profile) profile.Profile {
				m.Kind, m.Private = profile.Plain, false
				return p.WithMount(m)
			})
		case !m.Volume:
			add(plan.MountField(m.Path), func(p profile.Profile) profile.Profile { return p.WithoutMount(m.Path) })
			if n := len(out) - 1; n >= 0 && out[n].field == plan.MountField(m.Path) {
				out[n].keep = s.onlyAtStop(m)
			}
		}
	}
	if p.LowPorts {
		add(plan.LowPortField, func(p profile.Profile) profile.Profile { p.LowPorts = false; return p })
	}
	if p.Ping {
		add(plan.PingField, func(p profile.Profile) profile.Profile { p.Ping = false; return p })
	}
	if len(p.AddCapabilities) > 0 {
		add(plan.CapabilityField, func(p profile.Profile) profile.Profile { p.AddCapabilities = nil; return p })
	}
	if p.WorkingDir != "" {
		add(plan.WorkingDirField, func(p profile.Profile) profile.Profile {
			p = p.WithoutMount(p.WorkingDir)
			p.WorkingDir = ""
			return p
		})
	}
	if home := p.Env["HOME"]; home != "" {
		add(plan.HomeField, func(p profile.Profile) profile.Profile {
			p = p.WithoutMount(home)
			p.Env = maps.Clone(p.Env)
			delete(p.Env, "HOME")
			return p
		})
	}
	return out
}

// onDisk puts a mount that is in memory on the disk.
func onDisk(p profile.Profile, at string) profile.Profile {
	m, ok := p.Mount(at)
	if !ok {
		return p
	}
	m.Medium = profile.Disk
	return p.WithMount(m)
}

// onlyAtStop tells whether the open run wrote in a mount only while it stopped, as an application that saves its state.
func (s *session) onlyAtStop(m profile.Mount) bool {
	for _, f := range s.plan.Folders {
		if f.Path == m.Path {
			earlier := func(e diff.Evidence) bool { return e.Phase != observe.Stop }
			return len(f.Evidence) > 0 && !slices.ContainsFunc(f.Evidence, earlier)
		}
	}
	return false
}

// given tells whether the pod had the mount before.
func (s *session) given(m profile.Mount) bool {
	at, ok := s.target.GivenMount(m.Path)
	return ok && at.Path == m.Path
}

func describe(p profile.Profile) string {
	if p.Open {
		return "as the image says"
	}
	s := fmt.Sprintf("uid %d, %d writable folders", p.User.UID, len(p.Mounts))
	if len(p.Mounts) == 1 {
		s = fmt.Sprintf("uid %d, writable %s", p.User.UID, p.Mounts[0].Path)
	}
	return s
}
