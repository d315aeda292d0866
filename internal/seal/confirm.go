package seal

import (
	"context"
	"errors"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

// Seal is a profile with its proof: a confirmation run of exactly this profile, untraced. Only mint creates one. Package
// sealfile keeps it in a file.
type Seal struct {
	Image    Image           `json:"image"`
	Commands []string        `json:"commands"` // the e2e commands
	Profile  profile.Profile `json:"profile"`
	// Confirmation names the round that is the confirmation run.
	Confirmation string   `json:"confirmation"`
	Restart      string   `json:"restart"` // what its restart checked: "commands", "readiness" or "none"
	Exceptions   []string `json:"exceptions,omitempty"`
}

// Image names the image that was run.
type Image struct {
	Reference string `json:"reference"`
	ID        string `json:"id"`
	Digest    string `json:"digest,omitempty"`
	Platform  string `json:"platform,omitempty"`
}

// errNotConfirmed is a bug of the search: no profile leaves it without a confirmation run.
var errNotConfirmed = errors.New("internal error: the profile that would be emitted has no confirmation run; nothing is emitted")

// restarts are the checks of a restart as a Seal names them.
var restarts = map[trial.Restart]string{trial.NoRestart: "none", trial.RestartReady: "readiness", trial.RestartFull: "commands"}

// mint returns the seal of a profile from its confirmation run. It returns errNotConfirmed if the round is not an untraced,
// passed confirmation run.
func mint(t target.Target, facts image.Facts, o Round, exceptions []Exception) (*Seal, error) {
	if !o.Passed() || o.Profile.Open || o.Protocol.Traced || len(o.Protocol.Fresh) > 0 {
		return nil, errNotConfirmed
	}
	s := &Seal{
		Image: Image{t.Image, facts.ID, facts.Digest, facts.Platform}, Profile: o.Profile, Commands: []string{},
		Confirmation: o.Name, Restart: restarts[o.Protocol.Restart],
	}
	for _, c := range t.Commands {
		s.Commands = append(s.Commands, c.String())
	}
	for _, x := range exceptions {
		s.Exceptions = append(s.Exceptions, x.Setting)
	}
	return s, nil
}

// confirm tightens a candidate that passed and makes its confirmation run, the one of the finding. Where that fails untraced,
// the search goes on untraced. steps returns the relaxations that tightening may remove.
func (s search) confirm(ctx context.Context, c candidate, steps func(profile.Profile) []profile.Relaxation) (finding, error) {
	return confirming{s, steps}.run(ctx, c)
}

// confirming is the search for a profile that passes its confirmation run.
type confirming struct {
	search
	steps func(profile.Profile) []profile.Relaxation
}

func (s confirming) run(ctx context.Context, c candidate) (f finding, err error) {
	for range maxConfirmations {
		if f, err = s.tighten(ctx, c); err != nil || f.confirmed.Outcome != trial.Failed {
			return f, err
		}
		c = f.c
		c.protocol = c.protocol.Untraced()
		if err := s.widen(ctx, &c); err != nil || !c.passed {
			return f, err
		}
	}
	return f, nil
}

// tighten removes what a candidate does not need, and makes the confirmation run of the result. If nothing is removed, both
// run in parallel.
func (s confirming) tighten(ctx context.Context, c candidate) (finding, error) {
	end := s.confirmSpeculatively(ctx, c.profile, c.protocol)
	p, proofs, err := s.minimize(ctx, c, s.steps(c.profile))
	end(err == nil && p.Equal(c.profile))
	if err != nil {
		return finding{}, err
	}
	if err := s.retryRestart(ctx, &c, p); err != nil {
		return finding{}, err
	}
	o, err := s.try(ctx, s.confirmation(p, c.protocol))
	return finding{c: c, profile: p, proofs: proofs, confirmed: o}, err
}

// unconfirmed returns why a profile is not emitted whose confirmation run did not pass.
func unconfirmed(o Round) string {
	if o.Outcome == trial.Inconclusive {
		return "the confirmation run was inconclusive (" + string(o.Cause) + "): " + o.Observation.Failure.Text
	}
	return "it passes under the tracer alone; untraced, it failed: " + o.Observation.Failure.Text
}

// confirmation returns the trial that confirms a profile.
func (s search) confirmation(p profile.Profile, proto trial.Protocol) attempt {
	a := s.sealedTrial("confirmation run", p, proto.Untraced())
	a.proof = true
	a.patience = trial.Patience{} // it may use its whole limit
	return a
}

// confirmSpeculatively starts the confirmation run of a profile that will probably be the result, in parallel with other
// trials. The function end waits for the run; it cancels the run unless that is kept.
func (s search) confirmSpeculatively(ctx context.Context, p profile.Profile, proto trial.Protocol) (end func(keep bool)) {
	if s.parallel() < 2 || !proto.Traced {
		return func(bool) {}
	}
	ctx, cancel := context.WithCancel(ctx)
	wait := s.tryInParallel(ctx, s.confirmation(p, proto))
	return func(keep bool) {
		if !keep {
			cancel()
		}
		wait()
		cancel()
	}
}
