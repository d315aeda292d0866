package trial

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/podseal/podseal/internal/engine"
)

// Removals remove containers while the next run starts.
type Removals struct {
	wg   sync.WaitGroup
	mu   sync.Mutex
	errs []error
}

// Begin begins to remove a container after last has returned, also if ctx ends. It calls release when the container is removed.
func (r *Removals) Begin(ctx context.Context, c engine.Container, last, release func()) {
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

// Go calls a function that Wait waits for.
func (r *Removals) Go(f func()) { r.wg.Go(f) }

// Wait waits for all removals, and returns their errors.
func (r *Removals) Wait() error {
	r.wg.Wait()
	return errors.Join(r.errs...)
}
