package cluster

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/target"
)

// livePod is a pod of a run as the watch shows it, and how the target's container in it exits.
type livePod struct {
	in     *namespace
	made   builtPod
	target target.Target
	facts  image.Facts

	stop      context.CancelFunc // of what follows the pod
	scheduled atomic.Bool        // it counts among the pods that have a node
	stopped   atomic.Bool        // the end of the pod was asked for
	requested bool               // the target's container has requests

	mu       sync.Mutex
	name     string        // of the pod
	restarts int32         // before the present start of the container
	exit     *observe.Exit // of the present start; nil while it runs
	image    string        // the pod's present name of the image
}

// pod returns the name of the pod.
func (c *livePod) pod() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.name
}

// defaultContainer returns the container that commands are meant for.
func (c *livePod) defaultContainer() string {
	if p := c.target.Pod; p != nil && p.Default != "" {
		return p.Default
	}
	return c.made.main
}

// observed notes how the present start has exited, if the pod shows it, and reports whether it has.
func (c *livePod) observed(pod *corev1.Pod, deleted bool) bool {
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
func (c *livePod) follow() {
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
func (c *livePod) ended() *observe.Exit {
	if pod, deleted := c.in.watch.Get(c.pod()); pod != nil {
		c.observed(pod, deleted)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.exit
}

// ends reports whether the pod ends by itself: its end was asked for, its only container has exited.
func (c *livePod) ends() bool {
	return c.stopped.Load() && c.ended() != nil && len(c.made.pod.Spec.Containers) == 1
}

// otherExit names another container of the pod that should run and has exited; "" if there is none.
func (c *livePod) otherExit(ctx context.Context) string {
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
func (c *livePod) completes(name string) bool {
	for _, m := range slices.Concat(c.target.Pod.Before, c.target.Pod.After) {
		if m.Name == name {
			return m.Target.Completes
		}
	}
	return false
}

// Wait implements engine.Container.
func (c *livePod) Wait(ctx context.Context) error {
	_, err := c.in.watch.Wait(ctx, c.pod(), func(pod *corev1.Pod, deleted bool) (bool, error) {
		return c.observed(pod, deleted), nil
	})
	return asFault(ctx, "watching", "pod "+c.pod(), err)
}

// renameImage changes the name of the container's image into another one of the same image.
func (c *livePod) renameImage(ctx context.Context) error {
	pod, _ := c.in.watch.Get(c.pod())
	if pod == nil {
		return fmt.Errorf("restarting pod %s: it is gone", c.pod())
	}
	s, _ := statusOf(pod, c.made.main)
	c.mu.Lock()
	name := otherName(c.image, c.mainImage(), s.ImageID)
	if name != "" {
		c.image = name
	}
	c.mu.Unlock()
	if name == "" {
		return fmt.Errorf("restarting pod %s: image %s has no second name, by which the kubelet would start it again: name it by its digest", c.pod(), c.mainImage())
	}
	sidecar := c.target.Pod != nil && c.target.Pod.Kind == target.Sidecar
	return c.in.SetImage(ctx, c.pod(), c.made.main, name, sidecar)
}

// statusOf returns the status of a container of a pod; false if the kubelet has not reported any.
func statusOf(pod *corev1.Pod, name string) (corev1.ContainerStatus, bool) {
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if s.Name == name {
			return s, true
		}
	}
	return corev1.ContainerStatus{}, false
}

// startReasons are the reasons that runtimes report for a program that could not be executed.
var startReasons = []string{"StartError", "ContainerCannotRun", "RunContainerError"}

// notPermitted matches the runtime's message about a program that exists and cannot be executed. The message is runc's.
var notPermitted = regexp.MustCompile(`permission denied|operation not permitted|exec format error|is a directory`)

// exitOf returns how a container exited.
func exitOf(t *corev1.ContainerStateTerminated) observe.Exit {
	exit := observe.Exit{Code: int(t.ExitCode), OOMKilled: t.Reason == "OOMKilled"}
	if slices.Contains(startReasons, t.Reason) {
		exit.Code, exit.Error = 127, t.Message
		if notPermitted.MatchString(t.Message) {
			exit.Code = 126
		}
	}
	return exit
}

// lastExit returns how a container exited the last time, by its present or its former state; false if it never did.
func lastExit(s corev1.ContainerStatus) (observe.Exit, bool) {
	switch {
	case s.State.Terminated != nil:
		return exitOf(s.State.Terminated), true
	case s.LastTerminationState.Terminated != nil:
		return exitOf(s.LastTerminationState.Terminated), true
	}
	return observe.Exit{}, false
}

// exitOfStart returns how a certain start of a container exited, by the number of restarts before it; false while it runs,
// or where the status does not show it any more.
func exitOfStart(s corev1.ContainerStatus, restarts int32) (observe.Exit, bool) {
	switch {
	case s.RestartCount == restarts && s.State.Terminated != nil:
		return exitOf(s.State.Terminated), true
	case s.RestartCount == restarts && s.State.Waiting != nil && s.LastTerminationState.Terminated != nil && s.ContainerID != "":
		return exitOf(s.LastTerminationState.Terminated), true // waits for its restart
	case s.RestartCount > restarts && s.LastTerminationState.Terminated != nil:
		return exitOf(s.LastTerminationState.Terminated), true
	}
	return observe.Exit{}, false
}

// hasStarted reports whether a certain start of a container has happened.
func hasStarted(s corev1.ContainerStatus, restarts int32) bool {
	if s.RestartCount > restarts {
		return true
	}
	return s.RestartCount == restarts && (s.State.Running != nil || s.State.Terminated != nil ||
		s.LastTerminationState.Terminated != nil && restarts == 0 && s.State.Waiting != nil)
}
