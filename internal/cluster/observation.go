package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace"
)

// Exec implements engine.Container.
func (c *running) Exec(ctx context.Context, argv []string) (int, string, error) {
	if c.ended() != nil { // the kubelet starts it again by itself
		return 0, "", fmt.Errorf("executing a command in pod %s: its container %s has exited", c.pod(), c.made.main)
	}
	return c.execIn(ctx, c.made.main, c.tracer.wrap(argv))
}

// ExecDefault implements engine.Container.
func (c *running) ExecDefault(ctx context.Context, argv []string) (int, string, error) {
	if c.defaultContainer() == c.made.main {
		return c.Exec(ctx, argv)
	}
	return c.execIn(ctx, c.defaultContainer(), argv)
}

// Processes implements engine.Container.
func (c *running) Processes(ctx context.Context) ([]observe.Process, error) {
	if ctx.Err() == nil && c.ended() == nil {
		if found, ok := c.tracer.starts.Processes(ctx); ok {
			return found, nil
		}
	}
	v, err := c.present(ctx)
	return v.processes, err
}

// Listening implements engine.Container. Where the container has exited and others of its pod run, and where the image
// permits no inspection, it connects to the ports.
func (c *running) Listening(ctx context.Context) ([]int, error) {
	if s := c.tracer.starts.Last(); s != nil && ctx.Err() == nil && c.ended() == nil {
		if found, err := s.Listening(ctx); err == nil {
			return found, nil
		}
	}
	v, err := c.present(ctx)
	others := err == nil && c.target.Pod != nil && c.ended() != nil
	forward := c.forward.Load()
	if forward == nil || !others && !errors.Is(err, engine.ErrCannotInspect) {
		return v.listening, err
	}
	var out []int
	for _, p := range c.ports {
		if forward.Listens(p) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Connections implements engine.Container. Without an observer nothing shows them.
func (c *running) Connections(ctx context.Context) ([]observe.Connection, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("inspecting pod %s: %w", c.pod(), context.Cause(ctx))
	}
	if c.tracer.starts.Last() == nil {
		return nil, engine.ErrCannotInspect
	}
	found, err := c.tracer.starts.Connections(ctx)
	if errors.Is(err, trace.ErrEnded) || errors.Is(err, trace.ErrLost) {
		err = nil // those that were traced are all that can be known
	}
	return found, err
}

// present returns what runs in the container; nothing where it has exited.
func (c *running) present(ctx context.Context) (snapshot, error) {
	if err := ctx.Err(); err != nil {
		return snapshot{}, fmt.Errorf("inspecting pod %s: %w", c.pod(), context.Cause(ctx))
	}
	if c.ended() != nil {
		return snapshot{}, nil
	}
	v, err := c.inspector.snapshot(ctx)
	if err != nil && ctx.Err() == nil && c.ended() != nil {
		return snapshot{}, nil // it has ended meanwhile
	}
	return v, err
}

// Usage implements engine.Container.
func (c *running) Usage(ctx context.Context) ([]observe.Usage, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("inspecting pod %s: %w", c.pod(), context.Cause(ctx))
	}
	if c.ended() != nil {
		return nil, engine.ErrCannotInspect
	}
	paths := make([]string, 0, len(c.profile.Mounts))
	for _, m := range c.profile.Mounts {
		paths = append(paths, m.Path)
	}
	if use, ok := c.tracer.starts.Usage(ctx, paths); ok {
		return use, nil
	}
	var out []observe.Usage
	for _, m := range c.profile.Mounts {
		u, err := c.inspector.usage(ctx, m.Path)
		if err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, nil
}

// Changes implements engine.Container. The files of a container that has exited are gone: it returns the changes
// of the last call before.
func (c *running) Changes(ctx context.Context) ([]observe.Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("inspecting pod %s: %w", c.pod(), context.Cause(ctx))
	}
	if c.ended() != nil {
		return c.inspector.lastChanges(), nil
	}
	found, err := c.inspector.changes(ctx, c.baseline)
	if errors.Is(err, engine.ErrCannotInspect) || err != nil && ctx.Err() == nil && c.ended() != nil {
		return c.inspector.lastChanges(), nil
	}
	return found, err
}
