package enginetest

import (
	"context"
	"errors"
	"maps"
	"path"
	"slices"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
)

// container is a fake container.
type container struct {
	app     *application
	removed bool
}

// ID implements engine.Container.
func (c *container) ID() string { return c.app.id }

// Host implements engine.Container.
func (c *container) Host() string { return "127.0.0.1" }

// Ports implements engine.Container.
func (c *container) Ports() map[int]int { return nil }

// UDPPorts implements engine.Container.
func (c *container) UDPPorts() map[int]int { return nil }

// State implements engine.Container.
func (c *container) State(ctx context.Context) (engine.State, error) {
	c.app.mu.Lock()
	defer c.app.mu.Unlock()
	if c.app.exit != nil {
		return engine.State{Exit: *c.app.exit}, ctx.Err()
	}
	return engine.State{Running: true}, ctx.Err()
}

// Proceed implements engine.Container.
func (c *container) Proceed(context.Context) error { return nil }

// ExecDefault implements engine.Container.
func (c *container) ExecDefault(ctx context.Context, argv []string) (int, string, error) {
	return c.Exec(ctx, argv)
}

// Wait implements engine.Container.
func (c *container) Wait(ctx context.Context) error {
	c.app.mu.Lock()
	exited := c.app.exited
	c.app.mu.Unlock()
	select {
	case <-exited:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Changes implements engine.Container.
func (c *container) Changes(context.Context) ([]observe.Change, error) {
	c.app.mu.Lock()
	defer c.app.mu.Unlock()
	found := map[string]observe.Change{}
	note := func(kind observe.ChangeKind, p string, dir bool) {
		if c.app.fs.mountPoint(p) != "" {
			return
		}
		found[p] = observe.Change{Kind: kind, Path: p, Dir: dir && kind == observe.Added}
		for d := path.Dir(p); d != "/"; d = path.Dir(d) {
			if _, ok := found[d]; !ok {
				found[d] = observe.Change{Kind: observe.Modified, Path: d}
			}
		}
	}
	for _, p := range slices.Sorted(maps.Keys(c.app.initial)) {
		if _, ok := c.app.fs.nodes[p]; !ok && c.app.fs.nodes[path.Dir(p)].Path != "" {
			note(observe.Deleted, p, false)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(c.app.fs.nodes)) {
		now, was := c.app.fs.nodes[p], c.app.initial[p]
		switch {
		case was.Path == "":
			note(observe.Added, p, now.Kind == image.Dir)
		case was.Mode != now.Mode || was.UID != now.UID || was.GID != now.GID || now.Kind != image.Dir && was.Mtime != now.Mtime:
			note(observe.Modified, p, false)
		}
	}
	var out []observe.Change
	for _, p := range slices.Sorted(maps.Keys(found)) {
		out = append(out, found[p])
	}
	return out, nil
}

// Processes implements engine.Container.
func (c *container) Processes(context.Context) ([]observe.Process, error) {
	c.app.mu.Lock()
	defer c.app.mu.Unlock()
	if c.app.exit != nil {
		return nil, errors.New("the container is not running")
	}
	return append([]observe.Process{{PID: 1, UID: c.app.who.uid, GID: c.app.who.gid, Command: "app", Main: true}}, c.app.procs...), nil
}

// Listening implements engine.Container.
func (c *container) Listening(context.Context) ([]int, error) {
	c.app.mu.Lock()
	defer c.app.mu.Unlock()
	if c.app.exit != nil {
		return nil, errors.New("the container is not running")
	}
	return slices.Sorted(slices.Values(c.app.ports)), nil
}

// Logs implements engine.Container.
func (c *container) Logs(context.Context) (string, error) {
	c.app.mu.Lock()
	defer c.app.mu.Unlock()
	return c.app.logs.String(), nil
}

// Exec runs the operations of the phase probe where argv[0] is "probe", else those of the phase e2e.
func (c *container) Exec(ctx context.Context, argv []string) (int, string, error) {
	c.app.mu.Lock()
	defer c.app.mu.Unlock()
	if c.app.exit != nil {
		return 1, "no answer", ctx.Err()
	}
	if argv[0] == "probe" && !c.app.runPhase("probe") {
		return 1, "not yet", ctx.Err()
	}
	if argv[0] != "probe" && !c.app.runPhase("e2e") {
		return 1, "the test failed", ctx.Err()
	}
	return 0, "", ctx.Err()
}

// Usage implements engine.Container. Each file has the size of a mebibyte.
func (c *container) Usage(context.Context) ([]observe.Usage, error) {
	c.app.mu.Lock()
	defer c.app.mu.Unlock()
	var out []observe.Usage
	for _, m := range c.app.p.Mounts {
		u := observe.Usage{Path: m.Path}
		for _, e := range c.app.fs.below(c.app.fs.real(m.Path, true)) {
			if e.Kind == image.File {
				u.Files++
				u.Bytes += 1 << 20
			}
		}
		out = append(out, u)
	}
	return out, nil
}

// Phase implements engine.Container.
func (c *container) Phase(p observe.Phase) {
	c.app.mu.Lock()
	defer c.app.mu.Unlock()
	c.app.phase = p
}

// Writes implements engine.Container.
func (c *container) Writes() ([]observe.Write, observe.Trace) {
	c.app.mu.Lock()
	defer c.app.mu.Unlock()
	if !c.app.e.Traced {
		return nil, observe.Trace{Note: "this engine cannot trace"}
	}
	return slices.Clone(c.app.writes), observe.Trace{On: true}
}

// DeniedPorts implements engine.Container.
func (c *container) DeniedPorts() []int { return slices.Clone(c.app.denied) }

// Restart implements engine.Container. It keeps the mounts; under the unrestricted profile it keeps all files.
func (c *container) Restart(ctx context.Context, fresh ...string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.app.mu.Lock()
	defer c.app.mu.Unlock()
	if err := c.app.kill(fresh); err != nil {
		return err
	}
	c.app.start()
	return nil
}

// Stop implements engine.Container.
func (c *container) Stop(context.Context) (observe.Exit, error) {
	c.app.mu.Lock()
	defer c.app.mu.Unlock()
	if c.app.exit == nil {
		c.app.runPhase("stop")
		c.app.end(observe.Exit{})
	}
	return *c.app.exit, nil
}

// Remove implements engine.Container.
func (c *container) Remove(context.Context) error {
	c.app.mu.Lock()
	defer c.app.mu.Unlock()
	c.app.end(observe.Exit{Code: 137})
	if !c.removed {
		c.removed = true
		c.app.e.count(-1)
	}
	return nil
}
