package seal

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
)

// openRun runs the target as it is, and opens the image's files meanwhile.
func (s *session) openRun(ctx context.Context) (open observe.Observation, err error) {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		if s.tree, err = s.engine.Tree(ctx, s.facts); err != nil {
			return err
		}
		s.in.Tree = s.tree
		if s.in.Users, err = image.ReadUsers(ctx, s.tree); err != nil {
			return err
		}
		if s.opts.SeedImage != "" { // else it is chosen when a mount needs it
			if err = s.chooseSeeding(ctx); err != nil {
				return err
			}
		}
		s.filesRead <- s.in
		if s.opts.Advise == nil {
			return nil
		}
		if s.advice, err = s.opts.Advise(ctx, s.target, s.facts, s.tree); s.advice != nil {
			s.in.Advised = s.advice.Users
		}
		return err
	})
	g.Go(func() (err error) {
		l := s.openLimits()
		l.stopping = s.rehearse
		open, err = s.round(ctx, "open run", profile.Unrestricted(), l)
		return err
	})
	return open, g.Wait()
}

// rehearse plans with what the open run showed until its stop, so that the image's files have been read, and volumes
// made, when the plan is made in earnest. The plan itself counts for nothing.
func (s *session) rehearse(ctx context.Context, o observe.Observation) {
	var in plan.Input
	select {
	case in = <-s.filesRead:
	default:
		return
	}
	in.Open = o
	users, err := plan.Users(ctx, in)
	if err != nil {
		return
	}
	if p, err := plan.First(ctx, in, users[0]); err == nil && !s.opts.PlanOnly {
		s.engine.Foresee(ctx, s.facts, p.Profile)
	}
}

func (s *session) openLimits() bounds {
	return bounds{limits: limits{ready: s.target.Ready.Timeout, diff: true}}
}

func (s *session) closeTree(ctx context.Context) error {
	if s.tree == nil {
		return nil
	}
	return s.tree.Close(ctx)
}
