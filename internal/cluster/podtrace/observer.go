package podtrace

import (
	"context"
	"encoding/json"
	"io"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/remotecommand"

	"github.com/podseal/podseal/internal/inside"
	"github.com/podseal/podseal/internal/trace"
	"github.com/podseal/podseal/internal/trace/wire"
)

// Observer returns a container that joins the PID namespace of another one of a pod. It needs the rights of the level
// privileged: root, to be another user than the target, and two capabilities, to read the target's memory and files. It
// waits until its PID namespace ends: the signal that stops the pod has to reach the target alone.
func Observer(name, target, image string) corev1.EphemeralContainer {
	yes, no, root := true, false, int64(0)
	return corev1.EphemeralContainer{
		TargetContainerName: target,
		EphemeralContainerCommon: corev1.EphemeralContainerCommon{
			Name: name, Image: image, ImagePullPolicy: corev1.PullIfNotPresent, WorkingDir: "/",
			Command:      []string{Path, inside.PauseCommand, inside.HoldArgument},
			VolumeMounts: []corev1.VolumeMount{mount()},
			SecurityContext: &corev1.SecurityContext{
				RunAsUser: &root, RunAsGroup: &root, RunAsNonRoot: &no, AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes,
				Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}, Add: []corev1.Capability{"SYS_PTRACE", "DAC_READ_SEARCH"}},
			},
		},
	}
}

// Rehearsal returns a pod whose only container is like an observer, to ask an API server whether it would admit one.
func Rehearsal() *corev1.Pod {
	c := Observer("observer", "", "podseal.test/none:1").EphemeralContainerCommon
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{corev1.Container(c)}}}
	no := false
	pod.Name, pod.Spec.AutomountServiceAccountToken = "observer", &no
	(&Program{}).Mount(&pod.Spec, "")
	return pod
}

// Exec runs a command with streams until it ends.
type Exec func(ctx context.Context, argv []string, streams remotecommand.StreamOptions) error

// Attach runs an observer by exec in its container, and returns the session with it. An observer dies with its target,
// before it can report the end: ended reports whether the target has ended, once the observer's stream has.
func Attach(ctx context.Context, exec Exec, o trace.ObserverOptions, ended func(context.Context) bool) *trace.Session {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	input, requests := io.Pipe()
	messages, output := io.Pipe()
	session := trace.Attach(&stream{Reader: messages, Writer: requests, end: sync.OnceFunc(func() {
		cancel()
		_ = requests.Close()
		_ = messages.Close()
	})})
	go func() {
		err := exec(ctx, trace.ObserverArgs(o), remotecommand.StreamOptions{Stdin: input, Stdout: output})
		_ = input.CloseWithError(io.ErrClosedPipe) // a request fails at once
		if ctx.Err() == nil && ended(ctx) {
			line, _ := json.Marshal(wire.Message{Kind: wire.KindEnd}) // a struct of strings
			_, _ = output.Write(append(line, '\n'))
		}
		_ = output.CloseWithError(err)
		cancel()
	}()
	return session
}

// stream is an observer's stdout and stdin.
type stream struct {
	io.Reader
	io.Writer
	end func()
}

// Close ends the stream.
func (s *stream) Close() error {
	s.end()
	return nil
}
