package enginetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
)

// container is a fake container.
type container struct {
	app     *application
	grace   time.Duration // between the stop signal and SIGKILL
	removed bool
}

// ID implements engine.Container.
func (c *container) ID() string { return fmt.Sprintf("fake-%d", c.app.run) }

// Host implements engine.Container.
func (c *container) Host() string { return "127.0.0.1" }

// Ports implements engine.Container.
func (c *container) Ports() map[int]int { return nil }

// UDPPorts implements engine.Container.
func (c *container) UDPPorts() map[int]int { return nil }

// enter locks the application, or returns why no call can be answered. The caller unlocks it unless there is an error.
func (c *container) enter(ctx context.Context) (*application, error) {
	c.app.mu.Lock()
	err := ctx.Err()
	if err == nil {
		err = c.app.broken
	}
	if err != nil {
		c.app.mu.Unlock()
		return nil, err
	}
	return c.app, nil
}

// State implements engine.Container.
func (c *container) State(ctx context.Context) (engine.State, error) {
	a, err := c.enter(ctx)
	if err != nil {
		return engine.State{}, err
	}
	defer a.mu.Unlock()
	s := engine.State{Running: a.exit == nil, Hostname: hostname(a.run)}
	if a.exit != nil {
		s.Exit = *a.exit
	}
	return s, nil
}

// Proceed implements engine.Container. It has no effect.
func (c *container) Proceed(ctx context.Context) error { return ctx.Err() }

// ExecDefault implements engine.Container.
func (c *container) ExecDefault(ctx context.Context, argv []string) (int, string, error) {
	return c.Exec(ctx, argv)
}

// Wait implements engine.Container.
func (c *container) Wait(ctx context.Context) error {
	a, err := c.enter(ctx)
	if err != nil {
		return err
	}
	exited := a.exited
	a.mu.Unlock()
	select {
	case <-exited:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Changes implements engine.Container.
func (c *container) Changes(ctx context.Context) ([]observe.Change, error) {
	a, err := c.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer a.mu.Unlock()
	return a.fs.changes(a.initial), nil
}

// Processes implements engine.Container.
func (c *container) Processes(ctx context.Context) ([]observe.Process, error) {
	a, err := c.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer a.mu.Unlock()
	if a.exit != nil {
		return nil, nil
	}
	first := observe.Process{PID: 1, UID: a.who.uid, GID: a.who.gid, Command: "app", Main: true}
	return append([]observe.Process{first}, a.procs...), nil
}

// Listening implements engine.Container.
func (c *container) Listening(ctx context.Context) ([]int, error) {
	a, err := c.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer a.mu.Unlock()
	if a.exit != nil {
		return nil, nil
	}
	return slices.Sorted(slices.Values(a.ports)), nil
}

// Connections implements engine.Container.
func (c *container) Connections(ctx context.Context) ([]observe.Connection, error) {
	a, err := c.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer a.mu.Unlock()
	return slices.Clone(a.connections), nil
}

// Logs implements engine.Container.
func (c *container) Logs(ctx context.Context) (string, error) {
	a, err := c.enter(ctx)
	if err != nil {
		return "", err
	}
	defer a.mu.Unlock()
	return a.logs.String(), nil
}

// Exec implements engine.Container. It executes the operations of the phase probe where argv[0] is "probe", else those of
// the phase e2e.
func (c *container) Exec(ctx context.Context, argv []string) (int, string, error) {
	a, err := c.enter(ctx)
	if err != nil {
		return 0, "", err
	}
	defer a.mu.Unlock()
	phase, failure := "e2e", "the test failed"
	if argv[0] == "probe" {
		phase, failure = "probe", "not yet"
	}
	switch {
	case a.exit != nil:
		return 1, "no answer", nil
	case a.runPhase(phase):
		return 0, "", a.broken
	}
	return 1, failure, a.broken
}

// Usage implements engine.Container. Each file has the size of a mebibyte.
func (c *container) Usage(ctx context.Context) ([]observe.Usage, error) {
	a, err := c.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer a.mu.Unlock()
	var out []observe.Usage
	for _, m := range a.p.Mounts {
		u := observe.Usage{Path: m.Path}
		for _, e := range a.fs.below(a.fs.real(m.Path, true)) {
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
	if !c.app.traced {
		return nil, observe.Trace{Note: "this engine cannot trace"}
	}
	trace := c.app.trace
	trace.On = true
	return slices.Clone(c.app.writes), trace
}

// DeniedPorts implements engine.Container.
func (c *container) DeniedPorts() []int {
	c.app.mu.Lock()
	defer c.app.mu.Unlock()
	return slices.Sorted(slices.Values(c.app.denied))
}

// Restart implements engine.Container. It keeps the mounts; under the unrestricted profile it keeps all files.
func (c *container) Restart(ctx context.Context, fresh ...string) error {
	a, err := c.enter(ctx)
	if err != nil {
		return err
	}
	defer a.mu.Unlock()
	if err := a.kill(fresh); err != nil {
		return err
	}
	a.start()
	return a.broken
}

// Stop implements engine.Container. An application that hangs is killed after the grace period of the target.
func (c *container) Stop(ctx context.Context) (observe.Exit, error) {
	a, err := c.enter(ctx)
	if err != nil {
		return observe.Exit{}, err
	}
	defer a.mu.Unlock()
	if a.exit == nil {
		a.runPhase("stop")
	}
	if a.hangs && a.exit == nil {
		exited := a.exited
		a.mu.Unlock()
		wait(ctx, c.grace, exited)
		a.mu.Lock()
		a.end(observe.Exit{Code: sigkilled})
	}
	a.end(observe.Exit{})
	return *a.exit, cmp.Or(ctx.Err(), a.broken)
}

// wait waits for a duration, the end of ctx, or the exit of an application.
func wait(ctx context.Context, d time.Duration, exited <-chan struct{}) {
	select {
	case <-ctx.Done():
	case <-exited:
	case <-time.After(d):
	}
}

// Remove implements engine.Container.
func (c *container) Remove(context.Context) error {
	c.app.mu.Lock()
	defer c.app.mu.Unlock()
	c.app.end(observe.Exit{Code: sigkilled})
	if !c.removed {
		c.removed = true
		c.app.e.count(-1)
	}
	return nil
}
