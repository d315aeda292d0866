package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/trace"
)

// session is the observer of now; nil where there is none.
func (c *running) session() *trace.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.watcher.sessions); n > 0 {
		return c.watcher.sessions[n-1]
	}
	return nil
}

// Listening implements engine.Container.
func (c *running) Listening(ctx context.Context) ([]int, error) {
	if c.sandbox != nil {
		return c.podListening(ctx)
	}
	s := c.session()
	if s == nil {
		return nil, c.cannotLook()
	}
	ports, err := s.Listening(ctx)
	switch {
	case errors.Is(err, trace.ErrEnded):
		return nil, nil // nothing listens in a container that has ended, which the engine may report later
	case errors.Is(err, trace.ErrLost):
		if state, stateErr := c.State(ctx); stateErr == nil && !state.Running {
			return nil, nil // nothing listens in a container that has ended
		}
		return nil, c.cannotLook()
	}
	return ports, err
}

func (c *running) cannotLook() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watcher.why == "" {
		return engine.ErrCannotLook
	}
	return fmt.Errorf("%w: %s", engine.ErrCannotLook, c.watcher.why)
}

// Phase implements engine.Container.
func (c *running) Phase(p observe.Phase) {
	c.mu.Lock()
	c.watcher.phase = p
	c.mu.Unlock()
	if s := c.session(); s != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = s.Phase(ctx, p) // an observer that has ended sees nothing more to put into a phase
	}
}

// drain waits, for a moment at most, until all that the observers of ended containers wrote has been read.
func (c *running) drain() {
	c.mu.Lock()
	ended := slices.Clone(c.watcher.sessions)
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if state, err := c.State(ctx); err == nil && state.Running && len(ended) > 0 {
		ended = ended[:len(ended)-1]
	}
	for _, s := range ended {
		select {
		case <-s.Done():
		case <-ctx.Done():
		}
	}
}

// Writes implements engine.Container.
func (c *running) Writes() ([]observe.Write, observe.Trace) {
	c.mu.Lock()
	sessions, why, broken := slices.Clone(c.watcher.sessions), c.watcher.why, c.watcher.broken
	traced := c.watcher.socket != ""
	c.mu.Unlock()
	if !traced || len(sessions) == 0 {
		return nil, observe.Trace{Note: why}
	}
	c.drain()
	var writes []observe.Write
	all := observe.Trace{On: true, Broken: broken}
	if broken {
		all.Lost = 1
	}
	var notes []string
	for i, s := range sessions {
		writes = append(writes, inPhase(s.Writes(), i > 0)...)
		status := s.Status()
		all.On = all.On && status.On
		all.Lost += status.Lost
		all.Broken = all.Broken || status.Broken
		if status.Note != "" && !slices.Contains(notes, status.Note) {
			notes = append(notes, status.Note)
		}
	}
	if why != "" {
		notes = append(notes, why)
	}
	var note string
	if all.Unseen, note = c.others.unseen(); note != "" {
		notes = append(notes, note)
	}
	all.Note = strings.Join(notes, "; ")
	slices.SortStableFunc(writes, func(a, b observe.Write) int { return strings.Compare(a.Path, b.Path) })
	return writes, all
}

// inPhase puts what an observer saw before it heard of the phase into the one that it was started in: a second observer
// is only there for a restart.
func inPhase(writes []observe.Write, again bool) []observe.Write {
	for i := range writes {
		if again && writes[i].Phase == observe.Start {
			writes[i].Phase = observe.Restart
		}
	}
	return writes
}

// DeniedPorts are the TCP ports that something in the container was refused to bind, as far as the tracer saw, sorted.
func (c *running) DeniedPorts() []int {
	c.mu.Lock()
	sessions := slices.Clone(c.watcher.sessions)
	c.mu.Unlock()
	var ports []int
	for _, s := range sessions {
		for _, b := range s.Binds() {
			if b.Outcome == observe.Denied {
				ports = append(ports, b.Port)
			}
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// watchedUsage asks the observer what the mounts hold, which is much quicker than reading them. ok is false where it
// cannot tell.
func (c *running) watchedUsage(ctx context.Context, mounts []profile.Mount) ([]observe.Usage, bool) {
	s := c.session()
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
