package podrun

import (
	"context"
	"slices"
	"sync"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// prewarmedStarts is the number of starts that Prewarm makes volumes for: the sealed run and the confirmation run, which
// begin at the same time.
const prewarmedStarts = 2

// prewarmed holds emptyDirs that have no owner and mode but those of any plain one: each serves any such mount.
type prewarmed struct {
	filling sync.Mutex

	mu      sync.Mutex
	volumes []docker.Volume
}

// Prewarm implements engine.Engine. It adds what two starts need that is not there yet. Sweep removes the volumes that no
// start has taken. Errors are dropped: a start that meets them again returns them.
func (e *Engine) Prewarm(ctx context.Context, facts image.Facts, p profile.Profile) {
	e.prewarmed.filling.Lock()
	defer e.prewarmed.filling.Unlock()
	need := prewarmedStarts*len(p.Mounts) - e.prewarmed.count()
	if need <= 0 || !arePlain(p.Mounts, groupOf(p)) {
		return
	}
	mounts, err := e.volumes.emptyDirs(ctx, slices.Repeat(p.Mounts, prewarmedStarts)[:need])
	if err != nil || e.volumes.prepare(ctx, facts, mounts, nil) != nil {
		return
	}
	e.prewarmed.add(mounts)
}

func (w *prewarmed) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.volumes)
}

func (w *prewarmed) add(mounts []mounted) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range mounts {
		w.volumes = append(w.volumes, m.volume)
	}
}

// take returns prewarmed volumes for all mounts of a start, and forgets them. ok is false where there are too few.
func (w *prewarmed) take(wanted []profile.Mount, group *int64) (mounts []mounted, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(wanted) == 0 || len(wanted) > len(w.volumes) || !arePlain(wanted, group) {
		return nil, false
	}
	for i, m := range wanted {
		mounts = append(mounts, mounted{Mount: m, volume: w.volumes[i]})
	}
	w.volumes = w.volumes[len(wanted):]
	return mounts, true
}
