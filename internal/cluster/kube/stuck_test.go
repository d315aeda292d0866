package kube

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestFindStuck(t *testing.T) {
	t.Parallel()
	waiting := func(reason string) *corev1.Pod {
		s := corev1.ContainerStatus{Name: "web", Image: "example.com/web:1"}
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: reason, Message: "a\nb"}
		return &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{s}}}
	}
	for reason, want := range map[string]string{
		"ErrImageNeverPull":          "kind load docker-image",
		"ImagePullBackOff":           "cannot pull image example.com/web:1",
		"CreateContainerConfigError": "cannot create container web: CreateContainerConfigError: a b",
	} {
		if got := FindStuck(waiting(reason)); got == nil || got.Reason != reason || !strings.Contains(got.Text, want) {
			t.Errorf("%s: %+v", reason, got)
		}
	}
	pulls := waiting("ImagePullBackOff")
	pulls.Spec.Containers = []corev1.Container{{Name: "web", ImagePullPolicy: corev1.PullAlways}}
	if got := FindStuck(pulls); got == nil || !strings.Contains(got.Text, "with imagePullPolicy: IfNotPresent") {
		t.Errorf("an image that is always pulled: %+v", got)
	}
	if got := FindStuck(waiting("ImagePullBackOff")); strings.Contains(got.Text, "imagePullPolicy") {
		t.Errorf("an image that is pulled when missing: %+v", got)
	}
	for _, reason := range []string{"ContainerCreating", "PodInitializing", "CrashLoopBackOff"} {
		if got := FindStuck(waiting(reason)); got != nil {
			t.Errorf("%s: %+v", reason, got)
		}
	}
}
