package trial

import (
	"context"
	"sync"
	"time"

	"github.com/podseal/podseal/internal/engine"
)

// stopwatch measures the time of a run without the time that it was queued in the engine, and ends the run at its limit.
type stopwatch struct {
	limit time.Duration // 0 for none
	end   context.CancelCauseFunc

	mu    sync.Mutex
	began time.Time // as if the run had never waited
	timer *time.Timer
}

// limited returns a context for a run that ends with the limit of the run, and the run's stopwatch. queued is called
// with the reason when the engine queues the run, and with "" when the run has left the queue. It may be nil.
func limited(ctx context.Context, limit time.Duration, queued func(why string)) (context.Context, *stopwatch) {
	s := &stopwatch{limit: limit, began: time.Now()}
	ctx, s.end = context.WithCancelCause(ctx)
	s.start()
	if queued == nil {
		queued = func(string) {}
	}
	return engine.WithQueue(ctx, func(why string) func() {
		left := s.pause()
		queued(why)
		return func() { left(); queued("") }
	}), s
}

// start arms the limit. The lock is held, or the stopwatch is new.
func (s *stopwatch) start() {
	if s.limit > 0 {
		s.timer = time.AfterFunc(s.limit-time.Since(s.began), func() { s.end(&TimeoutError{s.limit}) })
	}
}

// pause stops the stopwatch until the returned function is called.
func (s *stopwatch) pause() (resume func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := time.Now()
	if s.timer != nil {
		s.timer.Stop()
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.began = s.began.Add(time.Since(at))
		s.start()
	}
}

// took returns how long the run has taken.
func (s *stopwatch) took() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.began)
}

// stop ends the context.
func (s *stopwatch) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
	}
	s.end(nil)
}
