package podrun

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// defaultGrace is between the stop signal and SIGKILL where the target does not say.
const defaultGrace = 10 * time.Second

// running is a started target with the rest of its pod.
type running struct {
	e       *Engine
	main    *instance
	members *memberList
}

var _ engine.Container = (*running)(nil)

func (e *Engine) newRunning(t target.Target, facts image.Facts, p profile.Profile) *running {
	main := e.newInstance(t, facts, p)
	main.tracer = e.newTracer(t, facts, p)
	return &running{e: e, main: main, members: &memberList{e: e, cleanup: main.cleanup}}
}

// setUp does what a kubelet does, in its order: the sandbox and the containers that come before, the target, those that
// come after.
func (c *running) setUp(ctx context.Context) error {
	t := c.main.target
	if t.Pod == nil {
		return c.main.setUp(ctx)
	}
	pod, err := c.e.newSandbox(ctx, t, c.main.facts, c.main.profile, c.main.cleanup)
	if err != nil {
		return err
	}
	c.main.pod, c.members.pod = pod, pod
	if err := c.members.start(ctx, t.Pod.Before); err != nil {
		return err
	}
	if err := c.main.setUp(ctx); err != nil {
		return err
	}
	if c.precedes() {
		return nil // what comes after it starts when it has ended
	}
	return c.members.start(ctx, t.Pod.After)
}

// precedes reports whether the rest of the pod starts when the target has ended. The containers of a job do not wait for
// each other.
func (c *running) precedes() bool {
	return c.main.target.Pod != nil && c.main.target.Pod.Kind == target.Init
}

// defaultInstance returns the container of the pod that commands are meant for.
func (c *running) defaultInstance() *instance {
	if pod := c.main.target.Pod; pod != nil && pod.Default != "" {
		if m, ok := c.members.named(pod.Default); ok {
			return m.instance
		}
	}
	return c.main
}

// ID implements engine.Container.
func (c *running) ID() string { return c.defaultInstance().box.ID }

// Host implements engine.Container.
func (c *running) Host() string { return c.e.client.PublicHost() }

// Ports implements engine.Container.
func (c *running) Ports() map[int]int {
	tcp, _ := c.main.ports()
	return tcp
}

// UDPPorts implements engine.Container.
func (c *running) UDPPorts() map[int]int {
	_, udp := c.main.ports()
	return udp
}

// State implements engine.Container.
func (c *running) State(ctx context.Context) (engine.State, error) {
	ctx, done := c.e.host.Bind(ctx)
	defer done()
	s, err := c.main.state(ctx)
	if err == nil && c.main.failure() == nil {
		s.Other, err = c.members.ended(ctx)
	}
	return s, err
}

// Wait implements engine.Container.
func (c *running) Wait(ctx context.Context) error {
	ctx, done := c.e.host.Bind(ctx)
	defer done()
	return c.main.wait(ctx)
}

// Changes implements engine.Container.
func (c *running) Changes(ctx context.Context) ([]observe.Change, error) {
	if c.main.failure() != nil {
		return nil, nil // it never ran
	}
	ctx, done := c.e.host.Bind(ctx)
	defer done()
	return c.main.box.Changes(ctx)
}

// Processes implements engine.Container. The observer knows them best; where there is none the engine's ps does.
func (c *running) Processes(ctx context.Context) ([]observe.Process, error) {
	if c.main.failure() != nil {
		return nil, nil
	}
	ctx, done := c.e.host.Bind(ctx)
	defer done()
	if found, ok := c.main.tracer.starts.Processes(ctx); ok {
		return found, nil
	}
	found, err := c.main.box.Processes(ctx)
	if s, stateErr := c.main.state(ctx); err != nil && stateErr == nil && !s.Running {
		return nil, nil // it has ended meanwhile
	}
	return found, err
}

// Listening implements engine.Container.
func (c *running) Listening(ctx context.Context) ([]int, error) {
	ctx, done := c.e.host.Bind(ctx)
	defer done()
	if c.main.pod != nil {
		return c.main.pod.listening(ctx)
	}
	return c.main.tracer.listening(ctx, func(ctx context.Context) (bool, error) {
		s, err := c.main.state(ctx)
		return s.Running, err
	})
}

// Connections implements engine.Container. All containers of a pod share its network.
func (c *running) Connections(ctx context.Context) ([]observe.Connection, error) {
	ctx, done := c.e.host.Bind(ctx)
	defer done()
	return c.main.tracer.connections(ctx)
}

// Logs implements engine.Container.
func (c *running) Logs(ctx context.Context) (string, error) {
	ctx, done := c.e.host.Bind(ctx)
	defer done()
	return c.main.box.Logs(ctx)
}

// Exec implements engine.Container.
func (c *running) Exec(ctx context.Context, argv []string) (int, string, error) {
	ctx, done := c.e.host.Bind(ctx)
	defer done()
	return c.main.exec(ctx, argv)
}

// ExecDefault implements engine.Container.
func (c *running) ExecDefault(ctx context.Context, argv []string) (int, string, error) {
	ctx, done := c.e.host.Bind(ctx)
	defer done()
	return c.defaultInstance().exec(ctx, argv)
}

// Usage implements engine.Container.
func (c *running) Usage(ctx context.Context) ([]observe.Usage, error) {
	ctx, done := c.e.host.Bind(ctx)
	defer done()
	if use, ok := c.main.tracer.starts.Usage(ctx, mountPaths(c.main.profile.Mounts)); ok {
		return use, nil
	}
	var out []observe.Usage
	for _, m := range c.main.mounts.list {
		// The dot makes the engine follow a mount path that is a symlink in the image.
		body, err := c.main.box.Archive(ctx, m.Path+"/.")
		if err != nil {
			return nil, err
		}
		u, err := usage(body)
		_ = body.Close()
		if err != nil {
			return nil, fmt.Errorf("measuring %s: %w", m.Path, err)
		}
		u.Path = m.Path
		out = append(out, u)
	}
	return out, nil
}

// usage counts the files of a tar stream and their bytes.
func usage(body io.Reader) (observe.Usage, error) {
	var u observe.Usage
	files := tar.NewReader(body)
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return u, nil
		}
		if err != nil {
			return u, err
		}
		if h.Typeflag == tar.TypeReg {
			u.Files++
			u.Bytes += h.Size
		}
	}
}

// Phase implements engine.Container.
func (c *running) Phase(p observe.Phase) { c.main.tracer.starts.Begin(p) }

// Writes implements engine.Container.
func (c *running) Writes() ([]observe.Write, observe.Trace) {
	return c.main.tracer.writes(func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), drainWait)
		defer cancel()
		s, err := c.State(ctx)
		return err == nil && s.Running
	})
}

// DeniedPorts implements engine.Container.
func (c *running) DeniedPorts() []int { return c.main.tracer.starts.DeniedPorts() }

// Proceed implements engine.Container.
func (c *running) Proceed(ctx context.Context) error {
	if !c.precedes() {
		return nil
	}
	ctx, done := c.e.host.Bind(ctx)
	defer done()
	return c.members.start(ctx, c.main.target.Pod.After)
}

// Restart implements engine.Container.
func (c *running) Restart(ctx context.Context, fresh ...string) error {
	ctx, done := c.e.host.Bind(ctx)
	defer done()
	if err := c.main.box.Kill(ctx); err != nil { // one that has ended by itself is started again all the same
		return err
	}
	c.main.tracer.begin(ctx)
	if err := c.main.wait(ctx); err != nil {
		return err
	}
	if err := c.main.mounts.empty(ctx, fresh); err != nil {
		return err
	}
	if err := c.main.mounts.runInits(ctx); err != nil {
		return err
	}
	if c.precedes() {
		if err := c.members.removeAfter(ctx, len(c.main.target.Pod.Before)); err != nil {
			return err
		}
	}
	return c.main.start(ctx)
}

// Stop implements engine.Container.
func (c *running) Stop(ctx context.Context) (observe.Exit, error) {
	ctx, done := c.e.host.Bind(ctx)
	defer done()
	grace := c.main.target.Grace
	if grace <= 0 {
		grace = defaultGrace
	}
	if c.main.failure() == nil {
		grace = c.main.hooks().preStop(ctx, grace)
		if err := c.main.box.Stop(ctx, grace); err != nil {
			return observe.Exit{}, err
		}
	}
	s, err := c.State(ctx)
	return s.Exit, err
}

// Remove implements engine.Container. It does not end with its context, since a run that was interrupted has to be cleaned
// up as well.
func (c *running) Remove(ctx context.Context) error { return c.main.cleanup.run(ctx) }
