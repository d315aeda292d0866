package seal

import (
	"context"
	"sync"
	"time"

	"github.com/podseal/podseal/internal/profile"
)

// lightStart is how quickly an application is ready of which more runs go side by side than the machine has processors:
// it mostly waits, and its runs do not starve each other.
const lightStart = 3 * time.Second

// slots are how many runs may go side by side when most of them are expected to fail.
func (s *session) slots() int {
	n := max(1, s.opts.Parallel)
	if n > 1 && s.open.ReadyIn < lightStart {
		return 2 * n
	}
	return n
}

// trial is a profile to run, with the name of its round.
type trial struct {
	name    string
	profile profile.Profile
}

// firstPassing runs trials side by side, and returns the place of the first of them, in their order, that passes; -1
// where none does. What comes behind one that has passed is broken off.
func (s *session) firstPassing(ctx context.Context, trials []trial) (int, error) {
	return s.sideBySide(ctx, len(trials), s.slots(), func(ctx context.Context, i int) (bool, error) {
		o, err := s.round(ctx, trials[i].name, trials[i].profile, s.sealedLimits(false))
		if ctx.Err() != nil {
			s.say("%s: broken off, nothing depends on it any more", trials[i].name)
		}
		return o.Passed(), err
	})
}

// sideBySide calls try for 0 to n-1, as many at a time as given, and returns the first for which it is true; -1 where
// there is none. What comes behind that one is not begun, or its context is ended.
func (s *session) sideBySide(ctx context.Context, n, atATime int, try func(ctx context.Context, i int) (bool, error)) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	race := race{best: n, breakOff: make([]context.CancelFunc, n)}
	var wg sync.WaitGroup
	free := make(chan struct{}, max(1, atATime))
	for i := range n {
		free <- struct{}{}
		own, begun := race.begin(ctx, i)
		if !begun {
			break
		}
		wg.Go(func() {
			defer func() { <-free }()
			ok, err := try(own, i)
			if race.end(i, ok, err) {
				cancel()
			}
		})
	}
	wg.Wait()
	if race.err != nil {
		return -1, race.err
	}
	if race.best == n {
		return -1, nil
	}
	return race.best, nil
}

// race is what comes of things that are tried side by side.
type race struct {
	mu       sync.Mutex
	best     int
	err      error
	breakOff []context.CancelFunc
}

// begin begins to try the one at i, unless it is decided without it.
func (r *race) begin(ctx context.Context, i int) (context.Context, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i > r.best || r.err != nil {
		return nil, false
	}
	own, cancel := context.WithCancel(ctx)
	r.breakOff[i] = cancel
	return own, true
}

// end notes what came of the one at i; failed tells that it all has to end.
func (r *race) end(i int, ok bool, err error) (failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.breakOff[i]()
	switch {
	case i > r.best: // it was broken off
	case err != nil:
		if r.err == nil { // the first cause, not what came of it
			r.err = err
		}
		return true
	case ok:
		r.best = i
		for _, cancel := range r.breakOff[i+1:] {
			if cancel != nil {
				cancel()
			}
		}
	}
	return false
}
