package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trace"
)

// defaultGrace is between the stop signal and SIGKILL where the target does not say.
const defaultGrace = 10 * time.Second

// running is a started pod.
type running struct {
	*livePod
	profile  profile.Profile
	baseline func(context.Context) ([]image.Entry, error)

	ports     []int
	forward   atomic.Pointer[kube.Forward]
	logs      *logBook
	inspector inspector
	used      func(usage) // called with what the container has used; nil where nobody asks
	tracer    *tracer

	removing sync.Mutex
	removed  bool
}

var _ engine.Container = (*running)(nil)

func newRunning(in *namespace, made builtPod, t target.Target, facts image.Facts, p profile.Profile, baseline func(context.Context) ([]image.Entry, error)) *running {
	live := &livePod{in: in, made: made, name: made.pod.Name, target: t, facts: facts, stop: func() {}}
	c := &running{livePod: live, profile: p, baseline: baseline, ports: ports(t, facts), tracer: &tracer{}}
	c.logs = &logBook{output: kube.NewTail(maxLog), open: func(ctx context.Context, previous bool) (stream, error) {
		return in.OpenLogs(ctx, live.pod(), made.main, previous)
	}}
	c.inspector.exec = c.execTo
	return c
}

// ports returns the TCP ports that are forwarded: those of the pod, of the target, or that the image exposes.
func ports(t target.Target, facts image.Facts) []int {
	switch {
	case t.Pod != nil && len(t.Pod.Ports) > 0:
		return t.Pod.Ports
	case len(t.Ports) > 0:
		return slices.Compact(slices.Sorted(slices.Values(t.Ports)))
	}
	return facts.Exposed("tcp")
}

// ID implements engine.Container.
func (c *running) ID() string { return c.pod() }

// Environment implements engine.Addressed: with it a command finds the container by kubectl.
func (c *running) Environment() []string {
	return []string{"PODSEAL_NAMESPACE=" + c.in.Name, "PODSEAL_POD=" + c.pod(), "PODSEAL_POD_CONTAINER=" + c.defaultContainer()}
}

// Host implements engine.Container.
func (c *running) Host() string { return "127.0.0.1" }

// Ports implements engine.Container.
func (c *running) Ports() map[int]int {
	f := c.forward.Load()
	if f == nil {
		return nil
	}
	return maps.Clone(f.Ports)
}

// UDPPorts implements engine.Container. Kubernetes forwards none.
func (c *running) UDPPorts() map[int]int { return nil }

// State implements engine.Container.
func (c *running) State(ctx context.Context) (engine.State, error) {
	if err := ctx.Err(); err != nil {
		return engine.State{}, fmt.Errorf("reading the state of pod %s: %w", c.pod(), context.Cause(ctx))
	}
	s := engine.State{Running: true}
	if exit := c.ended(); exit != nil {
		s = engine.State{Exit: *exit}
		if code := exit.Code; c.tracer.traced() && exit.Error == "" && (code == commandRefused || code == commandNotFound) {
			s.Exit.Error = trace.StartFailure(c.logs.text(ctx, true))
		}
	}
	if c.target.Pod == nil {
		s.Hostname = c.pod()
	}
	s.Other = c.otherExit(ctx)
	return s, nil
}

// Proceed implements engine.Container. The kubelet starts the rest of the pod by itself.
func (c *running) Proceed(context.Context) error { return nil }

// Logs implements engine.Container.
func (c *running) Logs(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("reading the logs of pod %s: %w", c.pod(), context.Cause(ctx))
	}
	return c.logs.text(ctx, c.ended() != nil), nil
}

// Stop implements engine.Container.
func (c *running) Stop(ctx context.Context) (observe.Exit, error) {
	if exit := c.ended(); exit != nil {
		return *exit, ctx.Err()
	}
	if c.tracer.hasProgram {
		_, _ = c.inspector.snapshot(ctx) // an observer does not show what the container has used
	}
	if c.inspector.hasListedFiles() {
		_, _ = c.Changes(ctx) // the files go with the container: this look is the last one
	}
	if err := c.in.DeletePod(ctx, c.pod(), seconds(c.target.Grace)); err != nil {
		return observe.Exit{}, err
	}
	c.stopped.Store(true)
	if err := c.Wait(ctx); err != nil {
		return observe.Exit{}, err
	}
	return *c.ended(), nil
}

// seconds returns a grace period in whole seconds, at least one: with none, the API server forgets the pod at once, and
// how it exits.
func seconds(grace time.Duration) int64 {
	if grace <= 0 {
		grace = defaultGrace
	}
	return max(1, int64((grace+time.Second-1)/time.Second))
}

// removeTime bounds the removal of a pod.
const removeTime = 20 * time.Second

// Remove implements engine.Container. It does not end with its context, since a run that was interrupted has to be cleaned
// up as well.
func (c *running) Remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTime)
	defer cancel()
	c.removing.Lock()
	defer c.removing.Unlock()
	if c.removed {
		return nil
	}
	c.removed = true
	c.noteRemoved()
	if c.used != nil {
		c.used(c.inspector.peak())
	}
	c.stop()
	c.logs.close()
	c.tracer.close()
	var errs []error
	if f := c.forward.Load(); f != nil {
		errs = append(errs, f.Close())
	}
	if _, deleted := c.in.watch.Get(c.pod()); !deleted && !c.ends() {
		errs = append(errs, c.in.DeletePod(ctx, c.pod(), 1))
	}
	c.in.watch.Forget(c.pod())
	for name := range c.made.secrets {
		errs = append(errs, c.in.DeleteSecret(ctx, name))
	}
	return errors.Join(errs...)
}

// Phase implements engine.Container.
func (c *running) Phase(p observe.Phase) { c.tracer.starts.Begin(p) }

// Writes implements engine.Container.
func (c *running) Writes() ([]observe.Write, observe.Trace) { return c.tracer.writes(c.ended() == nil) }

// DeniedPorts implements engine.Container.
func (c *running) DeniedPorts() []int { return c.tracer.starts.DeniedPorts() }

// start creates the pod with its secrets, and waits until its containers have started.
func (c *running) start(ctx context.Context) error {
	for name, data := range c.made.secrets {
		if err := c.in.CreateSecret(ctx, name, data); err != nil {
			return err
		}
	}
	return c.startPod(ctx)
}

// startPod creates the pod and waits until its containers have started. Where no node has room for the requests of the
// pod, it is created again without them, and so are the later ones.
func (c *running) startPod(ctx context.Context) error {
	pod, err := createStarted(ctx, c.livePod)
	if full := new(noNodeError); errors.As(err, &full) && c.requested {
		c.in.unrequested.Store(true)
		if err := c.discard(ctx); err != nil {
			return err
		}
		pod, err = createStarted(ctx, c.livePod)
	}
	if err != nil {
		return err
	}
	if err := checkImage(c.livePod, pod); err != nil {
		return err
	}
	c.observed(pod, false)
	c.follow()
	c.inspector.noteStart()
	c.logs.begin(c.superseded(0))
	if err := c.tracer.join(ctx, c.livePod); err != nil || len(c.ports) == 0 {
		return err
	}
	f, err := c.in.Forward(ctx, c.pod(), c.ports)
	if err == nil {
		c.forward.Store(f)
	}
	return err
}

// createStarted creates the pod, and returns it when its containers have started.
func createStarted(ctx context.Context, c *livePod) (*corev1.Pod, error) {
	if err := c.create(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.image = c.mainImage()
	c.mu.Unlock()
	return c.waitStarted(ctx)
}
