package seal

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

func TestRemovalsGoOnAndTell(t *testing.T) {
	stuck := errors.New("stuck")
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	var r removals
	asked := false
	r.begin(ctx, removed{done: done}, func() { asked = true }, func() {}) // returns before the container is removed
	r.begin(ctx, removed{done: done, err: stuck}, func() {}, func() {})
	cancel()
	close(done)
	if err := r.wait(); !asked || !errors.Is(err, stuck) || errors.Is(err, context.Canceled) {
		t.Errorf("wait = %v", err)
	}
}
