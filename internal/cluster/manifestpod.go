package cluster

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// ManifestPod is a pod that runs exactly as it was given, not as a target and a profile describe it.
type ManifestPod struct {
	engine.Container
	pod *livePod
}

// StartManifestPod creates a pod in a namespace of the run, and waits until its containers have started. main is the container
// that the target describes. The watch is that of the namespace. After an error the pod is removed.
func StartManifestPod(ctx context.Context, n *kube.Namespace, watch *kube.PodWatch, pod *corev1.Pod, main string, t target.Target) (*ManifestPod, error) {
	made := builtPod{pod: pod, main: main, seeds: seedPaths(pod.Spec, main), kinds: map[string]target.MemberKind{}}
	for _, c := range pod.Spec.InitContainers {
		if c.Name == main || podspec.IsSeed(c) {
			continue
		}
		made.kinds[c.Name] = target.Init
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			made.kinds[c.Name] = target.Sidecar
		}
	}
	for _, c := range pod.Spec.Containers {
		if c.Name != main {
			made.kinds[c.Name] = target.Main
		}
	}
	c := newRunning(&namespace{Namespace: n, watch: watch, scheduled: &atomic.Int64{}}, made, t, image.Facts{Config: &v1.ConfigFile{}}, profile.Unrestricted(), nil)
	if err := c.start(ctx); err != nil {
		return nil, engine.WithCleanup(asFault(ctx, "starting", "pod "+pod.Name, err), c.Remove(ctx))
	}
	return &ManifestPod{Container: c, pod: c.livePod}, nil
}

// Ready reports whether the kubelet calls the pod ready, by the probes of its containers; missing says why not.
func (m *ManifestPod) Ready() (ready bool, missing string) {
	pod, deleted := m.pod.in.watch.Get(m.pod.pod())
	if pod == nil || deleted {
		return false, "the pod is gone"
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return true, ""
		}
	}
	var waiting []string
	for _, s := range pod.Status.ContainerStatuses {
		if !s.Ready {
			waiting = append(waiting, s.Name)
		}
	}
	return false, fmt.Sprintf("the kubelet does not call it ready: the probes of container %s have not passed", strings.Join(waiting, ", "))
}

// Environment implements engine.Addressed.
func (m *ManifestPod) Environment() []string {
	return []string{"PODSEAL_NAMESPACE=" + m.pod.in.Name, "PODSEAL_POD=" + m.pod.pod(), "PODSEAL_POD_CONTAINER=" + m.pod.defaultContainer()}
}
