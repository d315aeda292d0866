package seal

import (
	"context"
	"slices"
	"sync"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
)

// speculation is the first sealed trial in parallel with the stop of the open run. If the whole open run leads to the same
// plan, the search joins it; else it is canceled, and no round.
type speculation struct {
	profile profile.Profile
	cancel  context.CancelFunc
	kept    chan struct{} // closed when the search joins the trial
	done    chan struct{} // closed when the trial has ended
}

// settle keeps the trial if it is one of the profile, and ends it otherwise.
func (s *speculation) settle(p profile.Profile) {
	switch {
	case s == nil:
	case s.profile.Equal(p):
		close(s.kept)
	default:
		s.end()
	}
}

// end cancels the trial if it has not ended, and waits for it.
func (s *speculation) end() {
	if s != nil {
		s.cancel()
		<-s.done
	}
}

// prewarm plans with the observation of the open run until its stop. It prewarms the volumes of that plan, and begins its first
// trial. The prewarming ends with ctx, the trial with lasting.
func (l *learning) prewarm(ctx, lasting context.Context, o observe.Observation) {
	s, c, ok := l.planEarly(ctx, o)
	l.adviseNow()
	if !ok {
		return
	}
	l.engine.Prewarm(ctx, l.facts, c.profile)
	if o.Failure.Kind == "" && o.Trace.Complete() && s.parallel() > 1 && l.predictable(s.k) {
		l.speculate(lasting, s, c)
	}
}

// readAhead plans with the observation of the open run until it was ready, while the e2e commands run. That plan may lack a lot, but
// the files of the image that it needs are read, which would delay the next one.
func (l *learning) readAhead(ctx context.Context, o observe.Observation) {
	_, _, _ = l.planEarly(ctx, o)
}

// planEarly returns the first candidate by a part of the open run; ok is false where there is none.
func (l *learning) planEarly(ctx context.Context, o observe.Observation) (s search, c candidate, ok bool) {
	if <-l.opened; !l.read.all {
		return s, c, false
	}
	l.planning.Lock()
	defer l.planning.Unlock()
	s = newSearch(l.runner, l.knowledge(o), l.opts)
	c, err := s.first(ctx)
	return s, c, err == nil
}

// predictable reports whether the plan will probably be the one that the trace alone leads to.
func (l *learning) predictable(k knowledge) bool {
	return k.traced && !l.opts.PlanOnly && !slices.ContainsFunc(k.open.Writes, movesFolder)
}

// movesFolder reports whether a write renames a folder. Only docker diff shows the new paths of the files in it.
func movesFolder(w observe.Write) bool {
	return w.Call == "rename" && w.Dir && w.Outcome == observe.Allowed
}

// speculate begins the first trial of a candidate while the open run is being stopped. The trial is judged by the whole open run.
func (l *learning) speculate(ctx context.Context, s search, c candidate) {
	ctx, cancel := context.WithCancel(ctx)
	early := &speculation{c.profile, cancel, make(chan struct{}), make(chan struct{})}
	s.known = func() knowledge {
		select {
		case <-early.kept:
			return l.knowledge(l.first)
		case <-ctx.Done():
			return s.k // the round does not count
		}
	}
	go func() {
		defer close(early.done)
		_ = earlyTrials{s}.sealed(ctx, c) // the trial that joins it returns its own error
	}()
	l.early = early
}

// trySpeculatively tries the first plan from the trace alone, before docker diff is known. If docker diff does not change the
// plan, the search finds the round in the ledger.
func (l *learning) trySpeculatively(ctx context.Context, k knowledge) error {
	s := newSearch(l.runner, k, l.opts)
	c, err := s.first(ctx)
	if err != nil {
		return err
	}
	l.early.settle(c.profile)
	return earlyTrials{s}.sealed(ctx, c)
}

// first returns the candidate of the best user, with the first plan.
func (s search) first(ctx context.Context) (candidate, error) {
	users, err := s.users(ctx)
	if err != nil {
		return candidate{}, err
	}
	return s.plan(ctx, users[0])
}

// earlyTrials begins trials before it is known that they are needed.
type earlyTrials struct{ search }

// sealed tries the first profile of a candidate, in parallel with the trials that probably follow.
func (s earlyTrials) sealed(ctx context.Context, c candidate) error {
	end := s.beginNext(ctx, c)
	o, err := s.trySealed(ctx, c.user, c.profile, c.protocol)
	end(o)
	return err
}

// beginNext starts the trials that follow if the profile of a candidate passes its sealed run, in parallel with that run: the
// confirmation run, and those without each mount. It starts none where the profile will probably not be the result. The
// function end takes the sealed run and waits for the trials. Unless it passed, they are canceled, and no rounds.
func (s earlyTrials) beginNext(ctx context.Context, c candidate) (end func(sealed Round)) {
	needed, ok := s.probablyNeeded(c.profile)
	if !ok || s.parallel() < 2 || !c.protocol.Traced {
		return func(Round) {}
	}
	known := make(chan struct{}) // closed when the sealed run has ended
	confirmation := s.confirmation(c.profile, c.protocol)
	confirmation.judge = func(o Round) Round {
		<-known
		return s.judge(o)
	}
	var rest []attempt
	for _, r := range needed {
		a := s.withoutTrial(withoutName(r), r.Undo(c.profile), c)
		a.judge = func(o Round) Round {
			<-known
			return s.judgeWithout(o, c.last.Observation)
		}
		rest = append(rest, a)
	}
	ctx, cancel := context.WithCancel(ctx)
	wait := s.tryInParallel(ctx, confirmation, rest...)
	return func(sealed Round) {
		if c.last = sealed; !sealed.Passed() {
			cancel()
		}
		close(known)
		wait()
		cancel()
	}
}

// probablyNeeded returns the relaxations of a profile that may be removed, and false unless each is a mount that the open run
// wrote in, and few trials of a light application show that it is needed.
func (s earlyTrials) probablyNeeded(p profile.Profile) ([]profile.Relaxation, bool) {
	rest := s.removable(p, p.Relaxations())
	if len(rest) == 0 {
		return nil, true
	}
	needless := func(r profile.Relaxation) bool {
		m, ok := p.Mount(r.Path)
		return r.Kind != profile.MountStep || !ok || !touched(s.k.open, p, m)
	}
	full := s.opts.Minimize == MinimizeFull
	return rest, full && s.slots() > s.parallel() && len(rest) <= s.slots()-2 && !slices.ContainsFunc(rest, needless)
}

// tryInParallel starts trials in parallel with others: the first at once, the rest when its container runs, for containers that
// start together start slower. The function wait waits for them. The trials that need the results return the errors.
func (r runner) tryInParallel(ctx context.Context, first attempt, rest ...attempt) (wait func()) {
	var running sync.WaitGroup
	var start sync.Once
	startRest := func() {
		for _, a := range rest {
			running.Go(func() { _, _ = r.try(ctx, a) })
		}
	}
	first.started = func() { start.Do(startRest) }
	running.Go(func() {
		_, _ = r.try(ctx, first)
		start.Do(startRest) // it was not started, or another trial is the same
	})
	return running.Wait
}
