package kube

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Stuck is a pod that cannot start as it is.
type Stuck struct {
	Pod       string
	Container string // empty for the whole pod
	Reason    string // the kubelet's or the scheduler's word: "ErrImagePull"
	Text      string // one sentence with what to do
}

// Error returns the sentence.
func (e *Stuck) Error() string { return e.Text }

// imageReasons are the kubelet's reasons for a container whose image it does not have (pkg/kubelet/images/types.go).
var imageReasons = []string{"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed"}

// createReasons are the kubelet's reasons for a container that it cannot create (pkg/kubelet/kuberuntime).
var createReasons = []string{"CreateContainerConfigError", "CreateContainerError", "PreCreateHookError"}

// FindStuck returns why a pod cannot start: an image that the node cannot pull, or a container that it cannot create. It
// returns nil while the pod may still start.
func FindStuck(pod *corev1.Pod) *Stuck {
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		w := s.State.Waiting
		if w == nil {
			continue
		}
		if slices.Contains(imageReasons, w.Reason) {
			return &Stuck{Pod: pod.Name, Container: s.Name, Reason: w.Reason, Text: fmt.Sprintf(
				"the cluster cannot pull image %s: push it to a registry that the nodes reach, or bring it to the nodes with `kind load docker-image`, `k3s ctr images import` or `minikube image load`%s (%s: %s)",
				s.Image, policyHint(pod, s.Name), w.Reason, oneLine(w.Message))}
		}
		if slices.Contains(createReasons, w.Reason) {
			return &Stuck{Pod: pod.Name, Container: s.Name, Reason: w.Reason, Text: fmt.Sprintf(
				"the kubelet cannot create container %s: %s: %s", s.Name, w.Reason, oneLine(w.Message))}
		}
	}
	return nil
}

// policyHint names the setting without which a node pulls the image of a container even where it has it.
func policyHint(pod *corev1.Pod, container string) string {
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if c.Name == container && c.ImagePullPolicy == corev1.PullAlways {
			return ", with imagePullPolicy: IfNotPresent"
		}
	}
	return ""
}

// Unscheduled returns why the scheduler has no node for a pod; "" if it has one, or has not said anything yet.
func Unscheduled(pod *corev1.Pod) string {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return c.Reason + ": " + oneLine(c.Message)
		}
	}
	return ""
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
