package seal

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/podseal/podseal/internal/engine"
)

// removals remove containers while the next run starts.
type removals struct {
	wg   sync.WaitGroup
	mu   sync.Mutex
	errs []error
}

// begin begins to remove a container when the last question to it has been asked, whatever becomes of ctx. It calls
// release when the container is removed.
func (r *removals) begin(ctx context.Context, c engine.Container, last, release func()) {
	ctx = context.WithoutCancel(ctx)
	r.wg.Go(func() {
		defer release()
		last()
		if err := c.Remove(ctx); err != nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.errs = append(r.errs, fmt.Errorf("removing the container of a run: %w", err))
		}
	})
}

// wait waits for all removals, and returns what went wrong.
func (r *removals) wait() error {
	r.wg.Wait()
	return errors.Join(r.errs...)
}
