package seal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
)

// chooseSeeding chooses what init containers run in, once.
func (s *session) chooseSeeding(ctx context.Context) error {
	s.seedMu.Lock()
	defer s.seedMu.Unlock()
	if s.seedChosen {
		return nil
	}
	offer := plan.SeedOffer{ImageVolumes: s.opts.ImageVolumes}
	if s.opts.SeedImage != "" {
		facts, err := s.engine.Image(ctx, s.opts.SeedImage, s.target.Platform)
		if err != nil {
			return fmt.Errorf("getting the image of --seed-image: %w", err)
		}
		tree, err := s.engine.Tree(ctx, facts)
		if err != nil {
			return err
		}
		defer func() { _ = tree.Close(context.WithoutCancel(ctx)) }() // what is left is swept by its label
		offer.Image = cmp.Or(facts.Digest, s.opts.SeedImage)
		if offer.Lacks, err = plan.Lacks(ctx, facts, tree); err != nil {
			return err
		}
	}
	var err error
	s.in.Seeding, err = plan.ChooseSeeding(ctx, s.facts, s.tree, offer)
	s.seedChosen = err == nil
	return err
}

// attempt runs a profile. One whose init containers cannot run fails without a container: it is known how.
func (s *session) attempt(ctx context.Context, p profile.Profile, b bounds) (observe.Observation, error) {
	if slices.ContainsFunc(p.Mounts, profile.Mount.NeedsInit) {
		if err := s.chooseSeeding(ctx); err != nil {
			return observe.Observation{}, err
		}
	}
	if why, m := s.cannotMake(p); why != "" {
		return observe.Observation{Failure: why, FailedIn: observe.Start, FailedSeed: m.Path}, nil
	}
	h := s.hopeFor(p, b.patience)
	if h == nil {
		return s.run(ctx, p, b.limits)
	}
	r := s.runner
	r.engine = hopeful{Engine: r.engine, hope: h}
	o, err := r.run(ctx, p, b.limits)
	if err != nil {
		return o, err
	}
	o = h.told(o)
	s.remember(h, p, o)
	return o, nil
}

// cannotMake says why a mount of a profile cannot be made; empty where all can.
func (s *session) cannotMake(p profile.Profile) (string, profile.Mount) {
	if p.Open {
		return "", profile.Mount{}
	}
	for _, m := range p.Mounts {
		if why := s.in.Seeding.Cannot(m); why != "" {
			return why, m
		}
	}
	return "", profile.Mount{}
}

// seedReason is the reason for what init containers run in, where a profile needs one.
func (s *session) seedReason(p profile.Profile) []profile.Reason {
	for _, m := range p.Mounts {
		if m.NeedsInit() && s.in.Seeding.Why != "" {
			return []profile.Reason{{Field: plan.SeedField, Why: s.in.Seeding.Why}}
		}
	}
	return nil
}

// seedFix says what to change in the image where an init container failed: the file that its user cannot copy, by name.
func (s *session) seedFix(ctx context.Context, p profile.Profile, o observe.Observation) (string, error) {
	m, ok := p.Mount(o.FailedSeed)
	if !ok {
		return "", nil
	}
	if strings.Contains(o.Logs, "No space left") {
		return fmt.Sprintf("the engine has no room for a copy of %s: free some, or let the application write to a folder that the image does not fill", m.Path), nil
	}
	e, found, err := plan.Unreadable(ctx, s.in.Tree, m, p.User)
	if err != nil || !found {
		return fmt.Sprintf("read what the init container of %s said, and let uid %d copy all that the image has there", m.Path, p.User.UID), err
	}
	return fmt.Sprintf("uid %d may not read %s, which is %04o and %d:%d in the image: `RUN chmod -R a+rX %s` in the Dockerfile, or `COPY --chown=%d:%d` where it comes in",
		p.User.UID, e.Path, e.Mode.Perm(), e.UID, e.GID, m.Path, p.User.UID, p.User.GID), nil
}
