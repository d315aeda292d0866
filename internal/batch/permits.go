package batch

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/semaphore"
)

// Permits bound the runs of all targets together. They are granted in the order of the requests, so that no target waits for
// ever. A holder never asks for a second one, so that there is no deadlock.
type Permits struct{ free *semaphore.Weighted }

// NewPermits returns n permits, at least one.
func NewPermits(n int) Permits { return Permits{semaphore.NewWeighted(int64(max(1, n)))} }

// Admit waits for a permit. The function that it returns gives the permit back, once.
func (p Permits) Admit(ctx context.Context) (release func(), err error) {
	if err := p.free.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("waiting for other runs: %w", context.Cause(ctx))
	}
	return sync.OnceFunc(func() { p.free.Release(1) }), nil
}
