package kube

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// CreatePod creates a pod with the label of the run. A pod that is refused is a *Refusal. With dryRun the API server only
// says whether it would take the pod.
func (n *Namespace) CreatePod(ctx context.Context, pod *corev1.Pod, dryRun bool) (*corev1.Pod, error) {
	pod = pod.DeepCopy()
	pod.Namespace = n.Name
	if pod.Labels == nil {
		pod.Labels = map[string]string{}
	}
	pod.Labels[LabelRun] = n.RunID
	o := metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}
	if dryRun {
		o.DryRun = []string{metav1.DryRunAll}
	}
	made, err := n.client.API.CoreV1().Pods(n.Name).Create(ctx, pod, o)
	return made, n.client.refused(ctx, err, Access{Verb: "create", Resource: "pods", Namespace: n.Name})
}

// DeletePod asks for the end of a pod: the kubelet sends the stop signal, and SIGKILL after grace seconds. A pod that is
// gone is no error.
func (n *Namespace) DeletePod(ctx context.Context, name string, grace int64) error {
	err := n.client.API.CoreV1().Pods(n.Name).Delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: &grace})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return n.client.refused(ctx, err, Access{Verb: "delete", Resource: "pods", Namespace: n.Name})
}

// SetImage changes the image of a container, or with init of an init container, of a running pod, which makes the kubelet stop the container and start it
// again.
func (n *Namespace) SetImage(ctx context.Context, pod, container, image string, init bool) error {
	list := "containers"
	if init {
		list = "initContainers"
	}
	patch := fmt.Sprintf(`{"spec":{%q:[{"name":%q,"image":%q}]}}`, list, container, image)
	_, err := n.client.API.CoreV1().Pods(n.Name).Patch(ctx, pod, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
	return n.client.refused(ctx, err, Access{Verb: "patch", Resource: "pods", Namespace: n.Name})
}

// AddContainer adds an ephemeral container to a running pod. No call removes it again.
func (n *Namespace) AddContainer(ctx context.Context, pod string, c corev1.EphemeralContainer) error {
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"ephemeralContainers": []corev1.EphemeralContainer{c}}})
	if err != nil {
		return fmt.Errorf("adding a container to pod %s: %w", pod, err)
	}
	_, err = n.client.API.CoreV1().Pods(n.Name).Patch(ctx, pod, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "ephemeralcontainers")
	return n.client.refused(ctx, err, n.EphemeralAccess())
}

// EphemeralAccess returns the request by which a container is added to a running pod.
func (n *Namespace) EphemeralAccess() Access {
	return Access{Verb: "patch", Resource: "pods", Subresource: "ephemeralcontainers", Namespace: n.Name}
}

// CreateSecret creates a secret with the label of the run.
func (n *Namespace) CreateSecret(ctx context.Context, name string, data map[string][]byte) error {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: n.Labels()}, Data: data}
	_, err := n.client.API.CoreV1().Secrets(n.Name).Create(ctx, s, metav1.CreateOptions{})
	return n.client.refused(ctx, err, Access{Verb: "create", Resource: "secrets", Namespace: n.Name})
}

// DeleteSecret removes a secret. One that is gone is no error.
func (n *Namespace) DeleteSecret(ctx context.Context, name string) error {
	err := n.client.API.CoreV1().Secrets(n.Name).Delete(ctx, name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return n.client.refused(ctx, err, Access{Verb: "delete", Resource: "secrets", Namespace: n.Name})
}

// Events returns what the cluster reported about a pod, oldest first: "FailedMount: ...". It is for messages: a user
// who may not list events gets none.
func (n *Namespace) Events(ctx context.Context, pod string) []string {
	list, err := n.client.API.CoreV1().Events(n.Name).List(ctx, metav1.ListOptions{
		FieldSelector: "involvedObject.kind=Pod,involvedObject.name=" + pod,
	})
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range list.Items {
		if e.Type == corev1.EventTypeWarning {
			out = append(out, fmt.Sprintf("%s: %s", e.Reason, e.Message))
		}
	}
	return out
}
