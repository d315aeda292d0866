package seal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
)

// sealed is a run under a profile that is to be emitted: the whole of it, restart included.
func (s *session) sealed(ctx context.Context, name string, p profile.Profile) (observe.Observation, error) {
	return s.sealedWith(ctx, name, p, wary)
}

func (s *session) sealedWith(ctx context.Context, name string, p profile.Profile, how patience) (observe.Observation, error) {
	b := s.sealedLimits(true)
	b.patience = how
	o, err := s.steady(ctx, name, p, b)
	failed := func(c observe.CommandResult) bool { return c.Phase == observe.Restart && c.Code != 0 }
	if err != nil || o.FailedIn != observe.Restart || s.readinessAlone() || !slices.ContainsFunc(o.Commands, failed) {
		return o, err
	}
	// Back, but the commands fail: are they repeatable at all? The open run, with nothing restarted, tells.
	twice, err := s.commandsFailTwice(ctx)
	if err != nil || !twice {
		return o, err
	}
	s.mu.Lock()
	s.unrepeatable = true
	s.mu.Unlock()
	return s.round(ctx, name+", restart judged by readiness", p, s.sealedLimits(true))
}

// readinessAlone tells whether a restart is judged by readiness alone.
func (s *session) readinessAlone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unrepeatable
}

// again is what the name of a repeated round ends with.
const again = ", again"

// steady is a round that is run once more where it may have failed by chance: e2e commands that time out now and then
// must not widen a profile, nor prove what is not needed. Once that has shown nothing, they count as steady.
func (s *session) steady(ctx context.Context, name string, p profile.Profile, l bounds) (observe.Observation, error) {
	o, err := s.round(ctx, name, p, l)
	if err != nil || !plan.Chance(s.open, o, l.patience == quick) || s.repeatFailed() {
		return o, err
	}
	s.say("%s: nothing was refused that explains it, so that it may have failed by chance", name)
	return s.round(ctx, name+again, p, l)
}

// repeatFailed tells whether a round that was run again failed again.
func (s *session) repeatFailed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.rounds, func(r Round) bool { return strings.HasSuffix(r.Name, again) && !r.Observation.Passed() })
}

// commandsFailTwice tells whether the e2e commands fail when run a second time on an open run.
func (s *session) commandsFailTwice(ctx context.Context) (bool, error) {
	twice := s.runner
	twice.target.Commands = append(slices.Clone(s.target.Commands), s.target.Commands...)
	began := time.Now()
	o, err := twice.run(ctx, profile.Unrestricted(), s.sealedLimits(false).limits)
	if err != nil {
		return false, err
	}
	s.note(Round{Name: "open run, commands twice", Profile: profile.Unrestricted(), Observation: o, Took: time.Since(began)})
	return !o.Passed(), nil
}

// bounds are the limits of a run of the session, and the patience with it.
type bounds struct {
	limits
	patience patience
}

// sealedLimits bound a sealed run by what the open run needed: a run that cannot pass should not wait for the whole
// readiness time-out.
func (s *session) sealedLimits(restart bool) bounds {
	l := limits{ready: min(s.target.Ready.Timeout, 10*time.Second+8*s.open.ReadyIn), restart: restart && !s.noRestart, readyOnly: s.readinessAlone()}
	var longest time.Duration
	for _, c := range s.open.Commands {
		longest = max(longest, c.Took)
	}
	l.command = 30*time.Second + 4*longest
	return bounds{limits: l}
}

// trialLimits are those of a run without something that a failure only proves.
func (s *session) trialLimits() bounds {
	b := s.sealedLimits(true)
	b.patience = quick
	return b
}

// once are the same bounds without a restart.
func (b bounds) once() bounds {
	b.restart = false
	return b
}

// round runs once and notes it. A run that passes but stops worse than the open run does not pass.
func (s *session) round(ctx context.Context, name string, p profile.Profile, l bounds) (observe.Observation, error) {
	if ctx.Err() != nil { // of many trials none begins any more
		return observe.Observation{}, fmt.Errorf("%s: %w", name, context.Cause(ctx))
	}
	s.say("%s: %s", name, describe(p))
	began := time.Now()
	o, err := s.attempt(ctx, p, l)
	if err != nil {
		return o, fmt.Errorf("%s: %w", name, err)
	}
	if o.Passed() && !p.Open {
		o.Failure, o.FailedIn = worseStop(s.open, o)
	}
	s.note(Round{Name: name, Profile: p, Observation: o, Took: time.Since(began)})
	if o.Passed() {
		s.say("%s: passed in %s", name, time.Since(began).Round(100*time.Millisecond))
	} else {
		s.say("%s: %s", name, o.Failure)
	}
	return o, nil
}

// worseStop tells whether a stop that went well on the open run did not on this one.
func worseStop(open, o observe.Observation) (string, observe.Phase) {
	if open.Exit == nil || o.Exit == nil || open.Exit.Code != 0 || o.Exit.Code == 0 || o.Exit.Phase != observe.Stop {
		return "", ""
	}
	return fmt.Sprintf("exited %d when it was stopped, where the open run exited 0", o.Exit.Code), observe.Stop
}

func (s *session) note(r Round) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rounds = append(s.rounds, r)
}

func (s *session) say(format string, args ...any) {
	if s.opts.Progress != nil {
		s.opts.Progress(fmt.Sprintf(format, args...))
	}
}

func (s *session) tried(p profile.Profile) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.rounds, func(r Round) bool { return r.Profile.Equal(p) })
}

// blame notes what the last round of a course is blamed on.
func (s *session) blame(r plan.Repair, c *course) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, round := range slices.Backward(s.rounds) {
		if round.Profile.Equal(c.found) {
			s.rounds[i].Blames = r.Blames
			break
		}
	}
	for _, reason := range r.Reasons {
		c.why = append(slices.DeleteFunc(c.why, func(w profile.Reason) bool { return w.Field == reason.Field }), reason)
	}
}

// proof is the sentence for a run that failed without something.
func proof(o observe.Observation, evidence string) string {
	s := "without it: " + o.Failure
	if evidence != "" {
		s += "; " + evidence
	}
	return s
}
