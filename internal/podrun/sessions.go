package podrun

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/trace"
)

// sessions are the observers of one container, one for each of its starts. The last one is the current one; the earlier
// ones keep what they saw.
type sessions struct {
	announcing sync.Mutex // one report at a time

	mu    sync.Mutex
	list  []*trace.Session
	phase observe.Phase
}

func (x *sessions) add(s *trace.Session) { x.mu.Lock(); x.list = append(x.list, s); x.mu.Unlock() }
func (x *sessions) clear()               { x.mu.Lock(); x.list = nil; x.mu.Unlock() }

func (x *sessions) all() []*trace.Session {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.list)
}

// last returns the current observer; nil where there is none.
func (x *sessions) last() *trace.Session {
	all := x.all()
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

// current returns the phase of the run.
func (x *sessions) current() observe.Phase {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.phase
}

// begins reports to the observer which phase begins.
func (x *sessions) begins(p observe.Phase) {
	x.mu.Lock()
	x.phase = p
	x.mu.Unlock()
	x.announce()
}

// announce reports the phase of the run to the current observer. The last report is of the last phase.
func (x *sessions) announce() {
	x.announcing.Lock()
	defer x.announcing.Unlock()
	if s := x.last(); s != nil {
		ctx, cancel := context.WithTimeout(context.Background(), phaseWait)
		defer cancel()
		_ = s.Phase(ctx, x.current()) // an observer that has ended sees nothing more to put into a phase
	}
}

// drain waits, for a moment at most, until everything that the observers of ended containers wrote has been read.
func (x *sessions) drain(running bool) {
	over := x.all()
	if running && len(over) > 0 {
		over = over[:len(over)-1]
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainWait)
	defer cancel()
	for _, s := range over {
		select {
		case <-s.Done():
		case <-ctx.Done():
		}
	}
}

// deniedPorts returns the TCP ports that something in the container was refused to bind, sorted.
func (x *sessions) deniedPorts() []int {
	var found []int
	for _, s := range x.all() {
		for _, b := range s.Binds() {
			if b.Outcome == observe.Denied {
				found = append(found, b.Port)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// usage returns what the mounts hold, which is much quicker than reading them. ok is false where the observer cannot say.
func (x *sessions) usage(ctx context.Context, mounts []profile.Mount) (use []observe.Usage, ok bool) {
	s := x.last()
	if s == nil {
		return nil, false
	}
	paths := make([]string, 0, len(mounts))
	for _, m := range mounts {
		paths = append(paths, m.Path)
	}
	use, err := s.Usage(ctx, paths)
	return use, err == nil && len(use) == len(mounts)
}

// processes returns the processes of the container. ok is false where the observer cannot say.
func (x *sessions) processes(ctx context.Context) (found []observe.Process, ok bool) {
	s := x.last()
	if s == nil {
		return nil, false
	}
	found, err := s.Processes(ctx)
	return found, err == nil || errors.Is(err, trace.ErrEnded) // an ended container has no processes
}
