package seal

import (
	"context"
	"slices"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/trial"
)

// candidate is the state of the search for one user.
type candidate struct {
	user     plan.UserChoice
	plan     plan.Plan
	profile  profile.Profile // the last profile that was tried
	reasons  []profile.Reason
	protocol trial.Protocol // to pass; looser than the full one if the seal was shown not to be at fault
	last     Round          // the last round of profile
	passed   bool
	hopeless bool       // it needs a mount that no init container can create or fill
	restart  *Exception // set if it passes, but does not become ready after a restart
	notes    []string   // the parts of the protocol that were not checked, and why
}

// plan returns the first plan for a user, before any trial.
func (s search) plan(ctx context.Context, u plan.UserChoice) (candidate, error) {
	first, err := plan.First(ctx, s.k.in, u)
	f := s.opts.Floor
	return candidate{user: u, plan: first, profile: f.over(first.Profile), reasons: f.explain(first.Reasons), protocol: s.protocol}, err
}

// tryUser returns the candidate for one user, after the search for a profile that passes.
func (s search) tryUser(ctx context.Context, u plan.UserChoice) (candidate, error) {
	c, err := s.plan(ctx, u)
	if err != nil {
		return c, err
	}
	if err = (earlyTrials{s}).sealed(ctx, c); err == nil {
		err = s.widen(ctx, &c) // finds the round of the first profile in the ledger
	}
	if err == nil && !c.passed {
		s.say("%s does not work", who(u.User))
	}
	return c, err
}

// widen tries the candidate's profile, and widens it after each failed trial, until it passes or no proposal is left.
func (s search) widen(ctx context.Context, c *candidate) error {
	return widening{s}.run(ctx, c)
}

// widening is the search for the relaxations that a candidate needs.
type widening struct{ search }

func (s widening) run(ctx context.Context, c *candidate) (err error) {
	var before observe.Failure
	for range maxWidenings {
		a := s.nextSealed(c.user, c.profile, c.protocol)
		a.before = before
		if c.last, err = s.try(ctx, a); err != nil {
			return err
		}
		next, ok, err := s.propose(ctx, *c)
		if err == nil && !ok && c.last.Cause == trial.Abandoned { // an abandoned trial without a proposal decides nothing
			if c.last, err = s.tryPatiently(ctx, *c); err == nil {
				next, ok, err = s.propose(ctx, *c)
			}
		}
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		s.ledger.update(c.last.place, func(o *Round) { o.Rule, o.Blames = next.Rule, next.Blames })
		c.widened(next)
		if before = (observe.Failure{}); next.Strength() == plan.Guess {
			before = c.last.Observation.Failure
		}
	}
	c.passed = c.last.Passed()
	c.hopeless = !c.passed && s.k.cannotMake(c.profile).Kind != ""
	killed := c.last.Cause == trial.Killed && c.last.reproduced // by itself, then
	if (c.last.Outcome == trial.Failed || killed) && c.last.Observation.Failure.Phase == observe.Restart {
		return s.judgeRestart(ctx, c)
	}
	return nil
}

// tryPatiently repeats an abandoned trial with its whole limit. The same failure is not repeated a second time: see seen.
func (s widening) tryPatiently(ctx context.Context, c candidate) (Round, error) {
	s.ledger.update(c.last.place, func(o *Round) { o.repeated = true })
	a := s.sealedTrial(c.last.Name+", with its whole limit", c.profile, c.protocol)
	a.patience = trial.Patience{}
	return s.try(ctx, a)
}

// propose returns the first proposal whose profile was not tried, and false if there is none.
func (s widening) propose(ctx context.Context, c candidate) (plan.Proposal, bool, error) {
	chance := c.last.Outcome == trial.Inconclusive && c.last.Cause != trial.Abandoned && !c.last.reproduced
	if c.last.Passed() || chance { // a disturbance says nothing about the profile
		return plan.Proposal{}, false, nil
	}
	proposals, err := plan.Proposals(ctx, s.k.in, c.plan, c.profile, c.last.Observation)
	if err != nil {
		return plan.Proposal{}, false, err
	}
	for _, p := range proposals {
		if !s.triedUnder(p.Profile, c.protocol) {
			return p, true, nil
		}
	}
	return plan.Proposal{}, false, nil
}

// triedUnder reports whether a profile was tried, and did not pass, under a protocol or a looser one.
func (s widening) triedUnder(p profile.Profile, proto trial.Protocol) bool {
	return slices.ContainsFunc(s.ledger.all(), func(o Round) bool {
		return !o.Passed() && o.Profile.Equal(p) && proto.Implies(o.Protocol)
	})
}

// widened moves the candidate on to a proposal.
func (c *candidate) widened(p plan.Proposal) {
	c.profile = p.Profile
	for _, reason := range p.Reasons {
		c.reasons = append(slices.DeleteFunc(slices.Clone(c.reasons), func(r profile.Reason) bool { return r.Field == reason.Field }), reason)
	}
}
