package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/probe"
	"github.com/podseal/podseal/internal/target"
)

// member is another container of the target's pod.
type member struct {
	*running
	spec target.Member
}

// startMembers starts containers of the pod one after the other; an init container has ended before the next starts.
func (c *running) startMembers(ctx context.Context, list []target.Member) error {
	for _, spec := range list {
		m, err := c.startMember(ctx, spec)
		if err != nil {
			return fmt.Errorf("%s %s of %s: %w", spec.Kind, spec.Name, c.target.Pod.Original, err)
		}
		c.members = append(c.members, m)
	}
	return nil
}

func (c *running) startMember(ctx context.Context, spec target.Member) (*member, error) {
	facts, err := c.e.Image(ctx, spec.Target.Image, spec.Target.Platform)
	if err != nil {
		return nil, err
	}
	m := &member{spec: spec, running: &running{
		e: c.e, target: spec.Target, facts: facts, profile: spec.Profile, watcher: &observer{}, sandbox: c.sandbox, beside: true,
	}}
	c.made(m.Remove)
	if spec.Profile.Open {
		if err := c.sandbox.mergeGroups(ctx, facts, spec.Target.User); err != nil {
			return nil, err
		}
	}
	err = m.setUpAlone(ctx)
	var seed *engine.SeedError
	if errors.As(err, &seed) { // not one of the target's mounts
		return nil, &engine.PodError{What: fmt.Sprintf("%s %s: %v", spec.Kind, spec.Name, seed)}
	}
	if err != nil {
		return nil, err
	}
	if spec.Kind != target.Init {
		return m, nil
	}
	if err := m.Wait(ctx); err != nil {
		return nil, err
	}
	state, err := m.State(ctx)
	if err != nil {
		return nil, err
	}
	if state.Exit.Code == 0 {
		return m, nil
	}
	said, err := m.said(ctx, state)
	if err != nil {
		return nil, err
	}
	return nil, &engine.PodError{What: fmt.Sprintf("%s %s exited %d", spec.Kind, spec.Name, state.Exit.Code), Output: said}
}

// said is what a member that has ended wrote; where it never ran, why.
func (m *member) said(ctx context.Context, s engine.State) (string, error) {
	if s.Exit.Error != "" {
		return s.Exit.Error, nil
	}
	logs, err := m.Logs(ctx)
	return strings.TrimSpace(logs), err
}

// precedes tells whether the rest of the pod starts when the container has ended. The containers of a job do not wait for
// each other.
func (c *running) precedes() bool { return c.target.Pod != nil && c.target.Pod.Kind == target.Init }

// Proceed implements engine.Container.
func (c *running) Proceed(ctx context.Context) error {
	if !c.precedes() {
		return nil
	}
	return c.startMembers(ctx, c.target.Pod.After)
}

// removeAfter takes away what Proceed started.
func (c *running) removeAfter(ctx context.Context) error {
	keep := len(c.target.Pod.Before)
	if keep >= len(c.members) {
		return nil
	}
	var errs []error
	for _, m := range c.members[keep:] {
		errs = append(errs, m.Remove(ctx))
	}
	c.members = c.members[:keep]
	return errors.Join(errs...)
}

// ended names a container of the pod that should run and does not, with its state; "" when there is none.
func (c *running) ended(ctx context.Context) (string, error) {
	for _, m := range c.members {
		if m.spec.Kind == target.Init {
			continue
		}
		s, err := m.State(ctx)
		if err != nil {
			return "", err
		}
		if s.Running || m.target.Completes && s.Exit.Code == 0 {
			continue
		}
		what := fmt.Sprintf("%s %s exited %d", m.spec.Kind, m.spec.Name, s.Exit.Code)
		said, err := m.said(ctx, s)
		if err != nil || said == "" {
			return what, err
		}
		return what + ", saying: " + said[strings.LastIndexByte(said, '\n')+1:] + ",", nil
	}
	return "", nil
}

// byDefault is the container of the pod that commands are meant for.
func (c *running) byDefault() *running {
	if c.target.Pod != nil && c.target.Pod.Default != "" {
		for _, m := range c.members {
			if m.spec.Name == c.target.Pod.Default {
				return m.running
			}
		}
	}
	return c
}

// ExecDefault implements engine.Container.
func (c *running) ExecDefault(ctx context.Context, argv []string) (int, string, error) {
	return c.byDefault().Exec(ctx, argv)
}

// hook runs a lifecycle hook; the failure is the application's or the manifest's.
func (c *running) hook(ctx context.Context, name string, h *target.Hook) error {
	if h == nil {
		return nil
	}
	what := name + " hook"
	if c.target.Name != "" {
		what += " of " + c.target.Name
	}
	switch {
	case h.Sleep > 0:
		if !pause(ctx, h.Sleep) {
			return ctx.Err()
		}
	case len(h.Argv) > 0:
		code, output, err := c.Exec(ctx, h.Argv)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if code != 0 {
			return &engine.PodError{What: fmt.Sprintf("the %s exited %d", what, code), Output: strings.TrimSpace(output)}
		}
	case h.HTTP != nil:
		if err := c.get(ctx, *h.HTTP); err != nil {
			return &engine.PodError{What: fmt.Sprintf("the %s failed: %v", what, err)}
		}
	}
	return nil
}

// hookTime bounds the request of a hook.
const hookTime = 10 * time.Second

// get makes the request of a hook. Any answer is well: a kubelet does not look at the status.
func (c *running) get(ctx context.Context, g target.HTTPGet) error {
	ctx, cancel := context.WithTimeout(ctx, hookTime)
	defer cancel()
	port, ok := c.Ports()[g.Port]
	if !ok {
		return fmt.Errorf("port %d is not published: give it with --port", g.Port)
	}
	resp, err := probe.Get(ctx, net.JoinHostPort(c.Host(), strconv.Itoa(port)), g, false)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// postStart runs the hook after the start. Its failure ends a container in a pod.
func (c *running) postStart(ctx context.Context) error {
	if c.failure() != nil {
		return nil
	}
	err := c.hook(ctx, "postStart", c.target.PostStart)
	var failed *engine.PodError
	if c.target.PostStart != nil && err != nil && !errors.As(err, &failed) && c.stopped(ctx) {
		return nil // the application's own end is what is told
	}
	return err
}

func (c *running) stopped(ctx context.Context) bool {
	s, err := c.State(ctx)
	return err == nil && !s.Running
}

// leastGrace is what a kubelet leaves between the stop signal and SIGKILL, however long the hook before took.
const leastGrace = 2 * time.Second

// preStop runs the hook before the stop; a kubelet stops the container whatever came of it. It returns what is left of the
// grace period.
func (c *running) preStop(ctx context.Context, grace time.Duration) time.Duration {
	if c.target.PreStop == nil {
		return grace
	}
	began := time.Now()
	within, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	_ = c.hook(within, "preStop", c.target.PreStop)
	return max(leastGrace, grace-time.Since(began))
}

// givenVolume tells whether the pod itself mounts something at a path.
func givenVolume(t target.Target, at string) bool {
	return slices.ContainsFunc(t.Mounts, func(m target.VolumeMount) bool { return m.Path == at })
}
