package podrun

import (
	"context"
	"slices"
	"sync"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// prewarmed holds the emptyDirs that Prewarm has made, for one start that wants exactly these.
type prewarmed struct {
	mu     sync.Mutex
	mounts []mounted
	group  *int64
}

// Prewarm implements engine.Engine. Sweep removes the volumes that no start has taken. Errors are dropped: a start that
// meets them again returns them.
func (e *Engine) Prewarm(ctx context.Context, facts image.Facts, p profile.Profile) {
	group := groupOf(p)
	mounts, err := e.volumes.emptyDirs(ctx, p.Mounts)
	if err != nil || e.volumes.prepare(ctx, facts, mounts, group) != nil {
		return
	}
	e.prewarmed.mu.Lock()
	defer e.prewarmed.mu.Unlock()
	e.prewarmed.mounts, e.prewarmed.group = mounts, group
}

// take returns the prewarmed volumes if they match the request, and forgets them.
func (w *prewarmed) take(wanted []profile.Mount, group *int64) ([]mounted, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	same := func(m mounted, want profile.Mount) bool { return m.Mount == want }
	if len(wanted) == 0 || !sameGroup(w.group, group) || !slices.EqualFunc(w.mounts, wanted, same) {
		return nil, false
	}
	mounts := w.mounts
	w.mounts = nil
	return mounts, true
}
