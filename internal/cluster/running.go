package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// defaultGrace is between the stop signal and SIGKILL where the target does not say.
const defaultGrace = 10 * time.Second

// running is a started pod.
type running struct {
	in      *space
	made    madePod
	target  target.Target
	facts   image.Facts
	profile profile.Profile
	images  Images

	ports   []int
	forward *kube.Forward
	logs    *logBook
	inside  inside
	stop    context.CancelFunc // of what follows the pod

	mu       sync.Mutex
	restarts int32         // before the present start of the container
	exit     *observe.Exit // of the present start; nil while it runs
	image    string        // the pod's present name of the image
	removed  bool
	changed  []observe.Change // of the last look inside
}

var _ engine.Container = (*running)(nil)

func newRunning(in *space, made madePod, t target.Target, facts image.Facts, p profile.Profile, images Images) *running {
	c := &running{in: in, made: made, target: t, facts: facts, profile: p, images: images, ports: ports(t, facts)}
	c.logs = &logBook{open: func(ctx context.Context, previous bool) (stream, error) {
		return in.OpenLogs(ctx, made.pod.Name, made.main, previous)
	}}
	c.inside.exec = c.execTo
	c.stop = func() {}
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

// pod returns the name of the pod.
func (c *running) pod() string { return c.made.pod.Name }

// defaultContainer returns the container that commands are meant for.
func (c *running) defaultContainer() string {
	if p := c.target.Pod; p != nil && p.Default != "" {
		return p.Default
	}
	return c.made.main
}

// ID implements engine.Container.
func (c *running) ID() string { return c.pod() }

// Environment returns what commands need to address the container with kubectl.
func (c *running) Environment() []string {
	return []string{"PODSEAL_NAMESPACE=" + c.in.Name, "PODSEAL_POD=" + c.pod(), "PODSEAL_POD_CONTAINER=" + c.defaultContainer()}
}

// Host implements engine.Container.
func (c *running) Host() string { return "127.0.0.1" }

// Ports implements engine.Container.
func (c *running) Ports() map[int]int {
	if c.forward == nil {
		return nil
	}
	return maps.Clone(c.forward.Ports)
}

// UDPPorts implements engine.Container. Kubernetes forwards none.
func (c *running) UDPPorts() map[int]int { return nil }

// observed notes how the present start has exited, if the pod shows it, and reports whether it has.
func (c *running) observed(pod *corev1.Pod, deleted bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.exit != nil {
		return true
	}
	s, ok := statusOf(pod, c.made.main)
	if exit, ended := exitOfStart(s, c.restarts); ok && ended {
		c.exit = &exit
	} else if deleted {
		c.exit = &observe.Exit{Code: 137, Error: "the pod was removed, and its status does not say how the container exited"}
	}
	return c.exit != nil
}

// follow notes how the container exits, from now on.
func (c *running) follow() {
	ctx, cancel := context.WithCancel(context.Background())
	c.stop = cancel
	go func() {
		_, _ = c.in.watch.Wait(ctx, c.pod(), func(pod *corev1.Pod, deleted bool) (bool, error) {
			c.observed(pod, deleted)
			return deleted, nil
		})
	}()
}

// ended returns how the present start exited; nil while it runs.
func (c *running) ended() *observe.Exit {
	if pod, deleted := c.in.watch.Get(c.pod()); pod != nil {
		c.observed(pod, deleted)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.exit
}

// State implements engine.Container.
func (c *running) State(ctx context.Context) (engine.State, error) {
	if err := ctx.Err(); err != nil {
		return engine.State{}, fmt.Errorf("reading the state of pod %s: %w", c.pod(), context.Cause(ctx))
	}
	s := engine.State{Running: true}
	if exit := c.ended(); exit != nil {
		s = engine.State{Exit: *exit}
	}
	s.Other = c.otherExit(ctx)
	return s, nil
}

// otherExit names another container of the pod that should run and has exited; "" if there is none.
func (c *running) otherExit(ctx context.Context) string {
	pod, deleted := c.in.watch.Get(c.pod())
	if pod == nil || deleted || pod.DeletionTimestamp != nil {
		return ""
	}
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		kind, member := c.made.kinds[s.Name]
		exit, ended := lastExit(s)
		if !member || !ended || kind == target.Init || c.completes(s.Name) && exit.Code == 0 {
			continue
		}
		what := fmt.Sprintf("%s %s exited %d", kind, s.Name, exit.Code)
		logs, err := c.in.Logs(ctx, c.pod(), s.Name, s.State.Terminated == nil)
		if logs = strings.TrimSpace(logs); err != nil || logs == "" {
			return what
		}
		return what + ", saying: " + logs[strings.LastIndexByte(logs, '\n')+1:] + ","
	}
	return ""
}

// completes reports whether another container of the pod runs to its end.
func (c *running) completes(name string) bool {
	for _, m := range slices.Concat(c.target.Pod.Before, c.target.Pod.After) {
		if m.Name == name {
			return m.Target.Completes
		}
	}
	return false
}

// Wait implements engine.Container.
func (c *running) Wait(ctx context.Context) error {
	_, err := c.in.watch.Wait(ctx, c.pod(), func(pod *corev1.Pod, deleted bool) (bool, error) {
		return c.observed(pod, deleted), nil
	})
	return c.fault(ctx, "watching", err)
}

// fault returns a *engine.Fault for an API server that does not answer any more, and other errors unchanged.
func (c *running) fault(ctx context.Context, call string, err error) error {
	gone := new(kube.Unreachable)
	if ctx.Err() == nil && errors.As(err, &gone) {
		return &engine.Fault{Kind: engine.Gone, Call: call, Object: "pod " + c.pod(), Engine: gone.Server, Err: err}
	}
	return err
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
	if err := c.in.DeletePod(ctx, c.pod(), seconds(c.target.Grace)); err != nil {
		return observe.Exit{}, err
	}
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
	c.mu.Lock()
	removed := c.removed
	c.removed = true
	c.mu.Unlock()
	if removed {
		return nil
	}
	c.stop()
	c.logs.close()
	var errs []error
	if c.forward != nil {
		errs = append(errs, c.forward.Close())
	}
	if _, deleted := c.in.watch.Get(c.pod()); !deleted {
		errs = append(errs, c.in.DeletePod(ctx, c.pod(), 1))
	}
	for name := range c.made.secrets {
		errs = append(errs, c.in.DeleteSecret(ctx, name))
	}
	return errors.Join(errs...)
}

// Phase implements engine.Container. Nothing is traced.
func (c *running) Phase(observe.Phase) {}

// Writes implements engine.Container.
func (c *running) Writes() ([]observe.Write, observe.Trace) {
	return nil, observe.Trace{Note: "tracing is off: podseal traces under Docker only"}
}

// DeniedPorts implements engine.Container.
func (c *running) DeniedPorts() []int { return nil }
