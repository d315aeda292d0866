// Package race runs calls in parallel whose result depends on their order alone, not on the order of their ends.
package race

import (
	"context"
	"sync"
)

// First calls try for 0 to n-1, at most limit at a time, and returns the lowest index for which it returns true; -1 if there
// is none. Calls behind one that returned true are not begun, or their context is canceled. An error of a call before the
// first true one ends all others; First returns the first such error that occurs.
func First(ctx context.Context, n, limit int, try func(ctx context.Context, i int) (bool, error)) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := racing{best: n, cancel: make([]context.CancelFunc, n)}
	var wg sync.WaitGroup
	free := make(chan struct{}, max(1, limit))
	for i := range n {
		free <- struct{}{}
		own, begun := r.begin(ctx, i)
		if !begun {
			break
		}
		wg.Go(func() {
			defer func() { <-free }()
			ok, err := try(own, i)
			if r.end(i, ok, err) {
				cancel()
			}
		})
	}
	wg.Wait()
	if r.err != nil {
		return -1, r.err
	}
	if r.best == n {
		return -1, nil
	}
	return r.best, nil
}

// racing is the state of a race.
type racing struct {
	mu     sync.Mutex
	best   int
	err    error
	cancel []context.CancelFunc
}

// begin returns the context of a call, unless it is decided without that call.
func (r *racing) begin(ctx context.Context, i int) (context.Context, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i > r.best || r.err != nil {
		return nil, false
	}
	own, cancel := context.WithCancel(ctx)
	r.cancel[i] = cancel
	return own, true
}

// end notes the result of a call; it reports whether the whole race has failed.
func (r *racing) end(i int, ok bool, err error) (failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.cancel[i]()
	switch {
	case i > r.best: // it was interrupted
	case err != nil:
		if r.err == nil { // the first cause, not its consequences
			r.err = err
		}
		return true
	case ok:
		r.best = i
		for _, cancel := range r.cancel[i+1:] {
			if cancel != nil {
				cancel()
			}
		}
	}
	return false
}

// Each calls do for 0 to n-1, at most limit at a time, until one returns an error.
func Each(ctx context.Context, n, limit int, do func(ctx context.Context, i int) error) error {
	_, err := First(ctx, n, limit, func(ctx context.Context, i int) (bool, error) { return false, do(ctx, i) })
	return err
}
