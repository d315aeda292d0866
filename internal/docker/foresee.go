package docker

import (
	"context"
	"slices"
	"sync"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// foreseen are emptyDirs that were made ahead, for the one start that wants exactly these.
type foreseen struct {
	mu     sync.Mutex
	mounts []mounted
	group  *int64
}

// Foresee implements engine.Engine. What no start takes goes with Sweep; an error is told by the start that meets it again.
func (e *Engine) Foresee(ctx context.Context, facts image.Facts, p profile.Profile) {
	mounts, err := e.makeEmptyDirs(ctx, p.Mounts)
	if err != nil || e.prepare(ctx, facts, mounts, groupIn(p)) != nil {
		return
	}
	e.foreseen.mu.Lock()
	defer e.foreseen.mu.Unlock()
	e.foreseen.mounts, e.foreseen.group = mounts, groupIn(p)
}

// take gives away what was made ahead, if it is what is wanted.
func (f *foreseen) take(wanted []profile.Mount, group *int64) ([]mounted, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	same := func(m mounted, w profile.Mount) bool { return m.Mount == w }
	if len(wanted) == 0 || !sameGroup(f.group, group) || !slices.EqualFunc(f.mounts, wanted, same) {
		return nil, false
	}
	mounts := f.mounts
	f.mounts = nil
	return mounts, true
}

// makeEmptyDirs makes a volume for each mount. Some have been made where there is an error.
func (e *Engine) makeEmptyDirs(ctx context.Context, wanted []profile.Mount) ([]mounted, error) {
	var mounts []mounted
	for _, m := range wanted {
		v, err := e.makeVolume(ctx, "emptydir", nil)
		if err != nil {
			return mounts, err
		}
		mounts = append(mounts, mounted{Mount: m, volume: v.Name})
	}
	return mounts, nil
}
