package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// scheduleTime is how long a pod may wait for a node: an autoscaler may have to make one.
const scheduleTime = 3 * time.Minute

// mainImage returns the image of the target's container.
func (c *livePod) mainImage() string { return podspec.ContainerOf(&c.made.pod.Spec, c.made.main).Image }

// superseded returns a function that reports whether a later start of the container than the given one exists.
func (c *livePod) superseded(restarts int32) func() bool {
	return func() bool {
		pod, _ := c.in.watch.Get(c.pod())
		if pod == nil {
			return false
		}
		s, ok := statusOf(pod, c.made.main)
		return ok && s.RestartCount > restarts
	}
}

// The waits of a pod for a quota: between two tries where no pod of the run ends, and for as long as no pod of the run has a
// node. The controller of quotas notices the end of a pod some time later.
const (
	quotaRetry = 5 * time.Second
	quotaTime  = 30 * time.Second
)

// create creates the pod. A pod that exceeds a quota is queued while other pods of the run have nodes.
func (c *livePod) create(ctx context.Context) error {
	leave := func() {}
	defer func() { leave() }()
	waited, last := false, time.Now() // last: when another pod of the run had a node
	for {
		ended := c.in.watch.Ended()
		err := c.createOnce(ctx)
		full := exceeded(err)
		if c.in.scheduled.Load() > 0 {
			last = time.Now()
		}
		if full == "" || time.Since(last) > quotaTime {
			return err
		}
		if !waited {
			waited, leave = true, engine.Enqueue(ctx, full)
		}
		select {
		case <-ended:
		case <-time.After(quotaRetry):
		case <-ctx.Done():
			return err
		}
	}
}

// exceeded returns the API server's sentence about a quota that a pod exceeds; "" for any other error.
func exceeded(err error) string {
	refusal := new(kube.Refusal)
	if errors.As(err, &refusal) && refusal.Kind == kube.Quota && strings.HasPrefix(refusal.Text, "exceeded quota") {
		return refusal.Text
	}
	return ""
}

// createOnce creates the pod, or returns why it is refused. Where its requests may be the reason, as with a LimitRange, it is
// created without them, and so are the later ones.
func (c *livePod) createOnce(ctx context.Context) error {
	desired := c.made.pod.DeepCopy()
	desired.Name = c.pod()
	requests := &podspec.ContainerOf(&desired.Spec, c.made.main).Resources.Requests
	if c.in.unrequested.Load() {
		*requests = nil
	}
	_, err := c.in.CreatePod(ctx, desired, false)
	if c.requested = *requests != nil; !c.requested || !refusesFields(err) {
		return err
	}
	*requests, c.requested = nil, false
	if _, second := c.in.CreatePod(ctx, desired, false); second != nil {
		return second
	}
	c.in.unrequested.Store(true)
	return nil
}

// refusesFields reports whether a pod with other fields may be admitted.
func refusesFields(err error) bool {
	refusal := new(kube.Refusal)
	return errors.As(err, &refusal) && refusal.Kind != kube.NotPermitted && refusal.Kind != kube.PodSecurity
}

// waitStarted waits until all containers of the pod have started that start before the target has ended. A pod that
// fits on no node is queued while other pods of the run have nodes, since these pods end. Then it waits for scheduleTime or longer.
func (c *livePod) waitStarted(ctx context.Context) (*corev1.Pod, error) {
	q := queue{leave: func() {}}
	defer func() { q.leave() }()
	for {
		others := c.in.scheduled.Load() > 0
		within, cancel := context.WithTimeoutCause(ctx, scheduleTime, errSchedule)
		pod, err := c.in.watch.Wait(within, c.pod(), func(pod *corev1.Pod, deleted bool) (bool, error) {
			q.update(ctx, kube.Unscheduled(pod))
			c.noteScheduled(pod)
			return c.started(ctx, pod, deleted)
		})
		cancel()
		if ctx.Err() != nil || !errors.Is(err, errSchedule) {
			return pod, err
		}
		if q.why != "" && !others && c.in.scheduled.Load() == 0 {
			return nil, &noNodeError{pod: c.pod(), why: q.why}
		}
	}
}

// noNodeError is a pod that no node of the cluster has room for.
type noNodeError struct{ pod, why string }

// Error returns one sentence with the scheduler's reason.
func (e *noNodeError) Error() string {
	return fmt.Sprintf("no node of the cluster takes pod %s: %s", e.pod, e.why)
}

var errSchedule = errors.New("the pod has not started in time")

// queue is the wait of a pod for a node.
type queue struct {
	why   string // empty while it does not wait
	leave func()
}

// update notes why the scheduler has no node for the pod; "" where it has one.
func (q *queue) update(ctx context.Context, why string) {
	switch {
	case why != "" && q.why == "":
		q.leave = engine.Enqueue(ctx, why)
	case why == "" && q.why != "":
		q.leave()
		q.leave = func() {}
	}
	q.why = why
}

// noteScheduled counts the pod among those of the run that have a node, once it has one. A service is not counted: it ends only
// after its target, which may wait for a node.
func (c *livePod) noteScheduled(pod *corev1.Pod) {
	service := c.target.Network != "" && len(c.target.Needs) == 0
	if !service && pod.Spec.NodeName != "" && c.scheduled.CompareAndSwap(false, true) {
		c.in.scheduled.Add(1)
	}
}

// noteRemoved ends that the pod counts among those that have a node.
func (c *livePod) noteRemoved() {
	if c.scheduled.CompareAndSwap(true, false) {
		c.in.scheduled.Add(-1)
	}
}

// started reports whether the containers have started, or returns why they cannot.
func (c *livePod) started(ctx context.Context, pod *corev1.Pod, deleted bool) (bool, error) {
	if deleted {
		return false, &engine.PodError{What: "something else has removed the pod of the run"}
	}
	if err := c.initFailure(ctx, pod); err != nil {
		return false, err
	}
	if stuck := kube.FindStuck(pod); stuck != nil && stuck.Reason != "ErrImagePull" { // that one is tried again first
		return false, stuckError(stuck)
	}
	if s, ok := statusOf(pod, c.made.main); !ok || !hasStarted(s, 0) {
		return false, nil
	}
	for name, kind := range c.made.kinds {
		if s, ok := statusOf(pod, name); kind == target.Main && !c.precedes() && (!ok || !hasStarted(s, 0)) {
			return false, nil
		}
	}
	return true, nil
}

// precedes reports whether the rest of the pod starts when the target has ended.
func (c *livePod) precedes() bool { return c.target.Pod != nil && c.target.Pod.Kind == target.Init }

// stuckError returns the error of a pod that cannot start. An image that is missing is not the profile's fault.
func stuckError(stuck *kube.Stuck) error {
	if strings.Contains(stuck.Reason, "Image") {
		return stuck
	}
	return &engine.PodError{What: stuck.Text}
}

// initFailure returns the error of an init container that failed: that of a mount, or another one of the pod.
func (c *livePod) initFailure(ctx context.Context, pod *corev1.Pod) error {
	for _, s := range pod.Status.InitContainerStatuses {
		exit, ended := lastExit(s)
		if !ended || exit.Code == 0 || s.Name == c.made.main || c.made.kinds[s.Name] == target.Sidecar {
			continue
		}
		output := exit.Error
		if output == "" {
			logs, err := c.in.Logs(ctx, c.pod(), s.Name, s.State.Terminated == nil)
			if err != nil {
				return err
			}
			output = strings.TrimSpace(profile.SeedMessages(logs))
		}
		if at := c.made.seeds[s.Name]; at != "" {
			return &engine.SeedError{Path: at, Output: output, Code: exit.Code}
		}
		return &engine.PodError{What: fmt.Sprintf("init container %s exited %d", s.Name, exit.Code), Output: output}
	}
	return nil
}

// checkImage refuses a pod whose node has another image under the name than the one that was read.
func checkImage(c *livePod, pod *corev1.Pod) error {
	s, _ := statusOf(pod, c.made.main)
	if c.facts.Ref == "" || c.facts.Digest != "" || !strings.HasPrefix(s.ImageID, "sha256:") || s.ImageID == c.facts.ID {
		return nil
	}
	return fmt.Errorf("image %s: the node has %s under this name, and podseal has read %s: bring the same image to the node, or read it from there with --image-source",
		c.facts.Ref, s.ImageID, c.facts.ID)
}
