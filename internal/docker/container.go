package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// running is a started container with everything that was made for it.
type running struct {
	e       *Engine
	target  target.Target
	facts   image.Facts
	profile profile.Profile
	id      string
	mounts  []mounted
	// prepared is set once the volumes of mounts are, which an init container has to wait for.
	prepared bool
	watcher  *observer
	sandbox  *sandbox // of the target's pod; nil where it runs alone
	members  []*member
	beside   bool // this is a member itself: nothing watches it
	others   others

	mu     sync.Mutex
	ports  map[int]int // TCP
	udp    map[int]int
	failed *observe.Exit // when its program could not be executed
	undo   []func(context.Context) error
}

var _ engine.Container = (*running)(nil)

// made remembers how to remove an object.
func (c *running) made(remove func(context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.undo = append(c.undo, remove)
}

func (c *running) madeVolume(name string) {
	c.made(func(ctx context.Context) error { return c.e.removeVolume(ctx, name) })
}

// ID implements engine.Container.
func (c *running) ID() string { return c.byDefault().id }

// Host implements engine.Container.
func (c *running) Host() string { return c.e.pub }

// Ports implements engine.Container.
func (c *running) Ports() map[int]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.ports)
}

// UDPPorts implements engine.Container.
func (c *running) UDPPorts() map[int]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.udp)
}

// failure is how the program failed to be executed; nil when it was executed.
func (c *running) failure() *observe.Exit {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

// State implements engine.Container.
func (c *running) State(ctx context.Context) (engine.State, error) {
	if f := c.failure(); f != nil {
		return engine.State{Exit: *f}, nil
	}
	found, err := c.e.cli.ContainerInspect(ctx, c.id)
	if err != nil {
		return engine.State{}, fmt.Errorf("inspecting the container: %w", err)
	}
	s := engine.State{Running: found.State.Running}
	if h := found.State.Health; h != nil && h.Status != container.NoHealthcheck {
		s.Health = h.Status
	}
	if s.Other, err = c.ended(ctx); err != nil || s.Running {
		return s, err
	}
	s.Exit = observe.Exit{Code: found.State.ExitCode, OOMKilled: found.State.OOMKilled, Error: found.State.Error}
	s.Exit, err = c.explain(ctx, s.Exit)
	return s, err
}

// lateFailure is the only line that a container writes whose program the kernel refused: the runtime had by then said
// that all is well, so it stands in the logs. A binary with a file capability that was dropped ends like this.
var lateFailure = regexp.MustCompile(`^(?:standard_init_linux\.go:\d+: exec user process caused|exec \S+): ` +
	`(operation not permitted|permission denied|exec format error|no such file or directory)\s*$`)

// sensorFailure is what the sensor writes where it cannot start the program.
var sensorFailure = regexp.MustCompile(`(?m)^podseal sensor: (starting .+)$`)

// explain finds the message and the code of a program that could not be executed where only the logs tell.
func (c *running) explain(ctx context.Context, exit observe.Exit) (observe.Exit, error) {
	late := exit.Code == 1 || exit.Code == 255
	sensor := exit.Code == 126 || exit.Code == 127
	if exit.Error != "" || !late && !sensor {
		return exit, nil
	}
	logs, err := c.Logs(ctx)
	if err != nil {
		return exit, err
	}
	if found := sensorFailure.FindStringSubmatch(logs); sensor && found != nil {
		exit.Error = found[1]
	}
	line := strings.TrimSpace(logs)
	if found := lateFailure.FindStringSubmatch(line); late && found != nil {
		exit.Code, exit.Error = 126, line
		if found[1] == "no such file or directory" {
			exit.Code = 127
		}
	}
	return exit, nil
}

// Wait implements engine.Container.
func (c *running) Wait(ctx context.Context) error {
	if c.failure() != nil {
		return nil
	}
	return c.e.waitEnd(ctx, c.id)
}

// Restart implements engine.Container.
func (c *running) Restart(ctx context.Context, fresh ...string) error {
	err := c.e.cli.ContainerKill(ctx, c.id, "SIGKILL")
	// A container that does not run is a conflict: it ended by itself, and is started again all the same.
	if err != nil && !errdefs.IsConflict(err) {
		return fmt.Errorf("killing the container: %w", err)
	}
	if !c.beside {
		c.makeObserver(ctx)
	}
	if err := c.Wait(ctx); err != nil {
		return err
	}
	if err := c.empty(ctx, fresh); err != nil {
		return err
	}
	if err := c.runInits(ctx); err != nil {
		return err
	}
	if c.precedes() {
		if err := c.removeAfter(ctx); err != nil {
			return err
		}
	}
	return c.start(ctx)
}

// Stop implements engine.Container.
func (c *running) Stop(ctx context.Context) (observe.Exit, error) {
	grace := c.target.Grace
	if grace <= 0 {
		grace = defaultGrace
	}
	if c.failure() == nil {
		grace = c.preStop(ctx, grace)
		seconds := int(math.Ceil(grace.Seconds()))
		// The engine takes the signal from the image's STOPSIGNAL.
		if err := c.e.cli.ContainerStop(ctx, c.id, container.StopOptions{Timeout: &seconds}); err != nil {
			return observe.Exit{}, fmt.Errorf("stopping the container: %w", err)
		}
	}
	s, err := c.State(ctx)
	return s.Exit, err
}

// Remove implements engine.Container. It works with a context that has ended, since a run that was interrupted has to be
// cleaned up as well.
func (c *running) Remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalTime)
	defer cancel()
	c.mu.Lock()
	undo := slices.Clone(c.undo)
	c.undo = nil
	c.mu.Unlock()
	var errs []error
	for _, remove := range slices.Backward(undo) {
		if err := remove(ctx); err != nil {
			errs = append(errs, err)
			c.made(remove) // a second Remove tries it again
		}
	}
	return errors.Join(errs...)
}

// mountedPaths are the paths of everything that the engine mounted into the container.
func mountedPaths(found container.InspectResponse) []string {
	var out []string
	for _, m := range found.Mounts {
		out = append(out, m.Destination)
	}
	return out
}
