package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/podseal/podseal/internal/cluster"
	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// engineOfPod starts the workload's own pod, whatever profile a trial names.
type engineOfPod struct {
	engine.Engine
	*session
	watch *kube.PodWatch
	pod   *container
}

// Start implements engine.Engine.
func (e *engineOfPod) Start(ctx context.Context, t target.Target, _ image.Facts, _ profile.Profile) (engine.Container, error) {
	given, err := cluster.StartManifestPod(ctx, e.namespace, e.watch, e.Workload.Pod, e.Container, t)
	if err != nil {
		return nil, err
	}
	e.pod = &container{ManifestPod: given, client: e.client, namespace: e.namespace.Name, gated: e.gated()}
	return e.pod, nil
}

// gated reports whether the pod has probes that say when it is ready, and the user gave no other condition.
func (e *engineOfPod) gated() bool {
	if e.Target.Ready.Given() {
		return false
	}
	for _, c := range e.Workload.Pod.Spec.Containers {
		if c.ReadinessProbe != nil || c.StartupProbe != nil {
			return true
		}
	}
	return false
}

// notReady says what the pod lacked to be ready.
func (e *engineOfPod) notReady(limit time.Duration) string {
	missing := "it has not started"
	if e.pod != nil {
		_, missing = e.pod.Ready()
	}
	return fmt.Sprintf("not ready after %s: %s", limit.Round(time.Second), missing)
}

// container is the workload's container, whose readiness is the kubelet's.
type container struct {
	*cluster.ManifestPod
	client    *kube.Client
	namespace string
	gated     bool
}

// State implements engine.Container.
func (c *container) State(ctx context.Context) (engine.State, error) {
	st, err := c.ManifestPod.State(ctx)
	if err == nil && c.gated {
		st.Health = "starting"
		if ready, _ := c.Ready(); ready {
			st.Health = "healthy"
		}
	}
	return st, err
}

// Processes implements engine.Container. Nobody asks.
func (c *container) Processes(context.Context) ([]observe.Process, error) { return nil, nil }

// Usage implements engine.Container. Nobody asks.
func (c *container) Usage(context.Context) ([]observe.Usage, error) {
	return nil, engine.ErrCannotInspect
}

// Listening implements engine.Container. A user who may not execute commands cannot inspect a container.
func (c *container) Listening(ctx context.Context) ([]int, error) {
	ports, err := c.ManifestPod.Listening(ctx)
	if ctx.Err() == nil && err != nil && c.client.Require(ctx, kube.Access{Verb: "create", Resource: "pods", Subresource: "exec", Namespace: c.namespace}) != nil {
		return nil, engine.ErrCannotInspect
	}
	return ports, err
}
