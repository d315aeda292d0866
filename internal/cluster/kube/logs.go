package kube

import (
	"context"
	"io"

	corev1 "k8s.io/api/core/v1"
)

// OpenLogs returns the output of a container's present start, until it exits, or that of the start before it. The caller
// closes the stream.
func (n *Namespace) OpenLogs(ctx context.Context, pod, container string, previous bool) (io.ReadCloser, error) {
	return n.logs(ctx, pod, &corev1.PodLogOptions{Container: container, Follow: !previous, Previous: previous})
}

// Logs returns the output of a container's present start, or of the one before it.
func (n *Namespace) Logs(ctx context.Context, pod, container string, previous bool) (string, error) {
	stream, err := n.logs(ctx, pod, &corev1.PodLogOptions{Container: container, Previous: previous})
	if err != nil {
		return "", err
	}
	defer stream.Close()
	out := NewTail(MaxOutput)
	_, err = io.Copy(out, stream)
	return out.String(), n.client.refused(ctx, err, logAccess(n.Name))
}

func (n *Namespace) logs(ctx context.Context, pod string, o *corev1.PodLogOptions) (io.ReadCloser, error) {
	stream, err := n.client.API.CoreV1().Pods(n.Name).GetLogs(pod, o).Stream(ctx)
	return stream, n.client.refused(ctx, err, logAccess(n.Name))
}

func logAccess(namespace string) Access {
	return Access{Verb: "get", Resource: "pods", Subresource: "log", Namespace: namespace}
}
