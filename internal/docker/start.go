package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"golang.org/x/sync/errgroup"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// defaultGrace is between the stop signal and SIGKILL when the target does not say.
const defaultGrace = 10 * time.Second

// Start implements engine.Engine.
func (e *Engine) Start(ctx context.Context, t target.Target, facts image.Facts, p profile.Profile) (engine.Container, error) {
	c := &running{e: e, target: t, facts: facts, profile: p, watcher: &observer{phase: observe.Start}}
	if err := c.setUp(ctx); err != nil {
		if rmErr := c.Remove(ctx); rmErr != nil {
			return nil, fmt.Errorf("%w (and cleaning up: %w)", err, rmErr)
		}
		return nil, err
	}
	return c, nil
}

// setUp does what a kubelet does, in its order: the sandbox and the containers that come before, the container itself,
// those that come after.
func (c *running) setUp(ctx context.Context) error {
	if c.target.Pod == nil {
		return c.setUpAlone(ctx)
	}
	if err := c.makeSandbox(ctx); err != nil {
		return err
	}
	if err := c.startMembers(ctx, c.target.Pod.Before); err != nil {
		return err
	}
	if err := c.setUpAlone(ctx); err != nil {
		return err
	}
	if c.precedes() {
		return nil // what comes after it starts when it has ended
	}
	return c.startMembers(ctx, c.target.Pod.After)
}

// setUpAlone sets up one container: its volumes, the init containers that fill them, the container.
func (c *running) setUpAlone(ctx context.Context) error {
	if !c.profile.Open {
		if missing := uncovered(c.facts, c.target, c.profile); len(missing) > 0 {
			return fmt.Errorf("the profile has no mount for the image's VOLUME %s: every VOLUME has to be mounted",
				strings.Join(missing, ", "))
		}
		if err := c.makeMounts(ctx); err != nil {
			return err
		}
	}
	var parts map[string]mount.Mount
	if c.sandbox != nil {
		var err error
		if parts, err = c.makeParts(ctx); err != nil {
			return err
		}
	}
	err := c.startObserved(ctx, parts)
	if errors.Is(err, errUnobserved) { // c.watcher.why tells why: once more, without the sensor
		c.watcher = &observer{phase: observe.Start, why: c.watcher.why}
		err = errors.Join(c.e.removeContainer(ctx, c.id), c.startObserved(ctx, parts))
	}
	return err
}

// startObserved creates and starts the container over its volumes, with an observer.
func (c *running) startObserved(ctx context.Context, parts map[string]mount.Mount) error {
	s, err := openSettings(c.target, c.facts, c.e.publishOn())
	if !c.profile.Open {
		s, err = sealedSettings(c.target, c.facts, c.profile, c.mounts, c.e.publishOn())
	}
	if err != nil {
		return err
	}
	if c.sandbox != nil {
		if err := c.sandbox.join(s, c.target, c.profile, parts); err != nil {
			return err
		}
	}
	c.joinGroups(s)
	s.cfg.Labels = c.e.labels()
	if !c.beside {
		c.observe(ctx, s)
		c.made(c.closeSessions)
		c.makeObserver(ctx)
	}
	if err := c.create(ctx, s); err != nil {
		return err
	}
	return c.start(ctx)
}

// create creates the container, and prepares the volumes that no init container has waited for at the same time.
func (c *running) create(ctx context.Context, s settings) error {
	name := c.e.name("target")
	if c.watcher.socket != "" {
		c.others.listen(ctx, c, name)
	}
	var preparing errgroup.Group
	if !c.prepared {
		c.prepared = true
		preparing.Go(func() error { return c.e.prepare(ctx, c.facts, c.mounts, c.fsGroup()) })
	}
	id, err := c.e.createAs(ctx, name, "target", s.cfg, s.host, c.facts)
	if err == nil {
		c.id = id
		c.made(func(ctx context.Context) error { return c.e.removeContainer(ctx, id) })
	}
	return cmp.Or(err, preparing.Wait())
}

// start starts the container and finds its ports. A program that cannot be executed is not an error: the container has
// then ended at once.
func (c *running) start(ctx context.Context) error {
	c.others.begin()
	err := c.e.cli.ContainerStart(ctx, c.id, container.StartOptions{})
	if err != nil {
		c.others.failed()
	}
	exit, failed := execFailure(err)
	if err != nil && !failed {
		return startError(err)
	}
	tcp, udp := map[int]int{}, map[int]int{}
	if !failed {
		found, err := c.e.cli.ContainerInspect(ctx, c.network())
		if err != nil {
			return fmt.Errorf("inspecting the container: %w", err)
		}
		if err := c.watch(ctx); err != nil {
			return err
		}
		tcp, udp = c.publishedPorts(found, "tcp"), c.publishedPorts(found, "udp")
	}
	c.started(tcp, udp, failed, exit)
	return c.postStart(ctx)
}

func (c *running) started(tcp, udp map[int]int, failed bool, exit observe.Exit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ports, c.udp, c.failed = tcp, udp, nil
	if failed {
		c.failed = &exit
	}
}

// network is the container that owns the network.
func (c *running) network() string {
	if c.sandbox != nil {
		return c.sandbox.id
	}
	return c.id
}

// publishedPorts maps the container's ports of a protocol to where they are reached.
func (c *running) publishedPorts(found container.InspectResponse, proto string) map[int]int {
	out := map[int]int{}
	if found.HostConfig.NetworkMode.IsHost() {
		ports := targetPorts(c.target, c.facts)
		switch {
		case proto == "udp":
			ports = c.facts.Exposed(proto)
		case c.target.Pod != nil:
			ports = podPorts(c.target)
		}
		for _, p := range ports {
			out[p] = p
		}
		return out
	}
	if found.NetworkSettings == nil {
		return out
	}
	for port, bindings := range found.NetworkSettings.Ports {
		for _, b := range bindings {
			var at int
			if _, err := fmt.Sscanf(b.HostPort, "%d", &at); err == nil && port.Proto() == proto {
				out[port.Int()] = at
			}
		}
	}
	return out
}

// publishOn is the address on which the engine publishes ports: this machine only, where the engine is on it.
func (e *Engine) publishOn() string {
	if e.remote() {
		return "0.0.0.0"
	}
	return "127.0.0.1"
}

// startError says what to do about a container that the engine cannot start.
func startError(err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "port is already allocated"), strings.Contains(text, "address already in use"):
		return fmt.Errorf("starting the container: a port is taken, by another container or program: free it: %w", err)
	case strings.Contains(text, "network") && strings.Contains(text, "not found"):
		return fmt.Errorf("starting the container: the engine has no such network: see `docker network ls`: %w", err)
	}
	return fmt.Errorf("starting the container: %w", err)
}

// execFailure tells whether a start failed because the program could not be executed, or its working directory could
// not be entered: the image's or the profile's fault, which a kubelet reports as a container that exited. The exit
// codes are those of shells and of newer engines.
func execFailure(err error) (observe.Exit, bool) {
	if err == nil {
		return observe.Exit{}, false
	}
	text := err.Error()
	if !strings.Contains(text, "exec: ") && !strings.Contains(text, "chdir to cwd") && !strings.Contains(text, "exec user process") {
		return observe.Exit{}, false
	}
	for _, missing := range []string{"executable file not found", "no such file or directory"} {
		if strings.Contains(text, missing) {
			return observe.Exit{Code: 127, Error: text}, true
		}
	}
	return observe.Exit{Code: 126, Error: text}, true
}
