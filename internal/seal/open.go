package seal

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
)

// learn finds out what the target does as it is, and runs the first plan beside that.
func (s *session) learn(ctx context.Context) error {
	open, err := s.openRun(ctx)
	if err != nil {
		return err
	}
	if !open.Passed() && open.Trace.On && open.Trace.Note != "" {
		// The tracer sets no_new_privs, and its note names the programs that miss their privileges: is it its fault?
		s.target.Untraced = true
		if open, err = s.round(ctx, "open run, untraced", profile.Unrestricted(), s.openLimits()); err != nil {
			return err
		}
	}
	s.open, s.in.Open = open, open
	if open.Passed() {
		if err := s.runAhead(ctx); err != nil {
			return err
		}
	}
	return s.settle()
}

// openRun runs the target as it is, and reads the image's files meanwhile: once it has started, since both are much work
// for the engine. Advice, and docker diff where the tracer told as much, may still be on their way: settle waits for them.
func (s *session) openRun(ctx context.Context) (open observe.Observation, err error) {
	g, within := errgroup.WithContext(ctx)
	started, files := make(chan struct{}), make(chan plan.Input, 1)
	start := sync.OnceFunc(func() { close(started) })
	g.Go(func() error {
		defer close(files)
		<-started
		if err := s.readFiles(within); err != nil {
			return err
		}
		files <- s.in
		s.advise(ctx)
		return nil
	})
	g.Go(func() (err error) {
		defer start()
		l := s.openLimits()
		l.started = start
		l.late = func(ask askLate) func() { return s.late.expect(ctx, ask) }
		l.stopping = func(ctx context.Context, o observe.Observation) { s.rehearse(ctx, files, o) }
		open, err = s.round(within, "open run", profile.Unrestricted(), l)
		return err
	})
	return open, g.Wait()
}

// readFiles opens the image's files and reads what every plan needs.
func (s *session) readFiles(ctx context.Context) (err error) {
	if s.tree, err = s.engine.Tree(ctx, s.facts); err != nil {
		return err
	}
	s.in.Tree = s.tree
	if s.in.Users, err = image.ReadUsers(ctx, s.tree); err != nil {
		return err
	}
	if s.opts.SeedImage != "" { // else it is chosen when a mount needs it
		err = s.chooseSeeding(ctx)
	}
	return err
}

// advise begins to read the image's files for advice.
func (s *session) advise(ctx context.Context) {
	if s.opts.Advise != nil {
		s.advising.Go(func() { s.advice, s.adviceErr = s.opts.Advise(ctx, s.target, s.facts, s.tree) })
	}
}

// rehearse plans with what the open run showed until its stop, so that the image's files have been read, and volumes
// made, when the plan is made in earnest. The plan itself counts for nothing.
func (s *session) rehearse(ctx context.Context, files <-chan plan.Input, o observe.Observation) {
	in, read := <-files
	if !read {
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
