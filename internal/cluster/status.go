package cluster

import (
	"regexp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/observe"
)

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
