package seal

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
)

// lateChanges is docker diff of a container that has stopped. It walks the whole image, and is asked beside what follows.
type lateChanges struct {
	asked   bool // known when the run has returned
	wg      sync.WaitGroup
	changes []observe.Change
	err     error
}

// askLate is a question that is asked when the run that knows it has ended.
type askLate func(context.Context) ([]observe.Change, error)

// expect notes that there will be an answer. What is returned asks for it.
func (l *lateChanges) expect(ctx context.Context, ask askLate) func() {
	l.asked = true
	l.wg.Add(1)
	return func() {
		defer l.wg.Done()
		l.changes, l.err = ask(ctx)
	}
}

// Names of the first sealed run: the second where it was not under the plan that came of it all.
const (
	firstName = "sealed run 1"
	aheadName = "sealed run by the trace alone"
)

// runAhead runs the first plan that the trace alone gives, while docker diff is still asked for the open run and the image
// is read for advice. These seldom change the plan; where they do, the run is one more that was tried.
func (s *session) runAhead(ctx context.Context) error {
	if !s.late.asked || s.target.Untraced || s.opts.PlanOnly || slices.ContainsFunc(s.open.Writes, movesFolder) {
		return nil
	}
	users, err := s.users(ctx)
	if err != nil {
		return err
	}
	first, err := plan.First(ctx, s.in, users[0])
	if err != nil {
		return err
	}
	o, err := s.sealedWith(ctx, firstName, first.Profile, wary)
	s.ahead = &aheadRun{first.Profile, o}
	return err
}

// movesFolder tells whether a write moves a folder: where the files in it came to be, docker diff alone tells.
func movesFolder(w observe.Write) bool {
	return w.Call == "rename" && w.Dir && w.Outcome == observe.Allowed
}

// aheadRun is what came of the run ahead.
type aheadRun struct {
	profile profile.Profile
	o       observe.Observation
}

// ranAhead is the observation of the first sealed run, if it has been run ahead under the profile.
func (s *session) ranAhead(p profile.Profile) (observe.Observation, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ahead := s.ahead
	s.ahead = nil
	if ahead == nil {
		return observe.Observation{}, false
	}
	if ahead.profile.Equal(p) {
		return ahead.o, true
	}
	for i, r := range s.rounds {
		s.rounds[i].Name = strings.Replace(r.Name, firstName, aheadName, 1)
	}
	return observe.Observation{}, false
}

// settle waits for what the open run left to come.
func (s *session) settle() error {
	s.late.wg.Wait()
	s.advising.Wait()
	if s.adviceErr != nil {
		return s.adviceErr
	}
	if s.advice != nil {
		s.in.Advised = s.advice.Users
	}
	if s.late.err != nil || !s.late.asked {
		return s.late.err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	traced := &s.rounds[0].Observation // the open run's
	traced.Changes = mergeChanges(traced.Changes, s.late.changes, tracedPhase(traced.Writes))
	if !s.target.Untraced { // else it has been repeated
		s.open = *traced
		s.in.Open = s.open
	}
	return nil
}
