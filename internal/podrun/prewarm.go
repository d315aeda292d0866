package podrun

import (
	"context"
	"slices"
	"sync"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// prewarmedStarts is the number of starts that Prewarm makes volumes for: the sealed run and the confirmation run, which
// begin at the same time.
const prewarmedStarts = 2

// prewarmed holds the emptyDirs that Prewarm has made, for starts that want exactly these.
type prewarmed struct {
	mu    sync.Mutex
	sets  [][]mounted // each for one start
	group *int64
}

// Prewarm implements engine.Engine. Sweep removes the volumes that no start has taken. Errors are dropped: a start that
// meets them again returns them.
func (e *Engine) Prewarm(ctx context.Context, facts image.Facts, p profile.Profile) {
	if len(p.Mounts) == 0 {
		return
	}
	group := groupOf(p)
	mounts, err := e.volumes.emptyDirs(ctx, slices.Repeat(p.Mounts, prewarmedStarts))
	if err != nil || e.volumes.prepare(ctx, facts, mounts, group) != nil {
		return
	}
	e.prewarmed.mu.Lock()
	defer e.prewarmed.mu.Unlock()
	e.prewarmed.sets, e.prewarmed.group = slices.Collect(slices.Chunk(mounts, len(p.Mounts))), group
}

// take returns prewarmed volumes if they match the request, and forgets them.
func (w *prewarmed) take(wanted []profile.Mount, group *int64) ([]mounted, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	same := func(m mounted, want profile.Mount) bool { return m.Mount == want }
	if len(w.sets) == 0 || !sameGroup(w.group, group) || !slices.EqualFunc(w.sets[0], wanted, same) {
		return nil, false
	}
	mounts := w.sets[0]
	w.sets = w.sets[1:]
	return mounts, true
}
