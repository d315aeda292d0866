package kube

import (
	"context"
	"errors"
	"io"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"
)

// MaxOutput is how many bytes of a command's output Exec returns: its end.
const MaxOutput = 1 << 20

// Exec runs a command in a container and returns its exit code, and the end of its stdout and stderr together. The input
// may be nil.
func (n *Namespace) Exec(ctx context.Context, pod, container string, argv []string, input io.Reader) (code int, output string, err error) {
	out := NewTail(MaxOutput)
	code, err = n.ExecTo(ctx, pod, container, argv, remotecommand.StreamOptions{Stdin: input, Stdout: out, Stderr: out})
	return code, out.String(), err
}

// ExecTo runs a command in a container with the given streams and returns its exit code. Streams may be nil.
func (n *Namespace) ExecTo(ctx context.Context, pod, container string, argv []string, streams remotecommand.StreamOptions) (code int, err error) {
	request := n.client.API.CoreV1().RESTClient().Post().Namespace(n.Name).Resource("pods").Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: container, Command: argv, Stdin: streams.Stdin != nil, Stdout: streams.Stdout != nil, Stderr: streams.Stderr != nil,
		}, scheme.ParameterCodec)
	// The way of kubectl: WebSockets, and SPDY where the server or a proxy knows none.
	socket, err := remotecommand.NewWebSocketExecutor(n.client.Config, http.MethodGet, request.URL().String())
	if err != nil {
		return 0, err
	}
	spdy, err := remotecommand.NewSPDYExecutor(n.client.Config, http.MethodPost, request.URL())
	if err != nil {
		return 0, err
	}
	executor, err := remotecommand.NewFallbackExecutor(socket, spdy, needsSPDY)
	if err != nil {
		return 0, err
	}
	err = executor.StreamWithContext(ctx, streams)
	if exit := (utilexec.CodeExitError{}); ctx.Err() == nil && errors.As(err, &exit) {
		return exit.Code, nil
	}
	return 0, n.client.refused(ctx, err, Access{Verb: "create", Resource: "pods", Subresource: "exec", Namespace: n.Name})
}

// needsSPDY reports whether a connection failed since the other end knows no WebSockets.
func needsSPDY(err error) bool {
	return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
}
