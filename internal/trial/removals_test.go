package trial

import (
	"context"
	"errors"
	"testing"

	"github.com/podseal/podseal/internal/engine"
)

// removed is a container that can only be removed.
type removed struct {
	engine.Container
	err  error
	done chan struct{}
}

func (r removed) Remove(ctx context.Context) error {
	<-r.done
	return errors.Join(r.err, ctx.Err())
}

// TestRemovals: a removal goes on after its context has ended, and its error is returned.
func TestRemovals(t *testing.T) {
	stuck := errors.New("stuck")
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	var r Removals
	asked := false
	r.Begin(ctx, removed{done: done}, func() { asked = true }, func() {}) // returns before the container is removed
	r.Begin(ctx, removed{done: done, err: stuck}, func() {}, func() {})
	cancel()
	close(done)
	if err := r.Wait(); !asked || !errors.Is(err, stuck) || errors.Is(err, context.Canceled) {
		t.Errorf("wait = %v", err)
	}
}
