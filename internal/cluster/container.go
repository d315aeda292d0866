package cluster

import (
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/target"
)

// podIPVariable holds the address of the pod for values that contain target.PodIP.
const podIPVariable = "PODSEAL_POD_IP"

// container returns a container as its target describes it.
func (b *builder) container(name string, t target.Target, ref string) corev1.Container {
	command, args := t.Entrypoint, t.Args
	if command != nil && len(command) == 0 {
		// An emptied entrypoint: Kubernetes would take the image's for an empty command.
		command, args = args, nil
	}
	c := corev1.Container{
		Name: name, Image: ref, ImagePullPolicy: corev1.PullIfNotPresent, WorkingDir: t.WorkingDir,
		Command: texts(command), Args: texts(args), Env: environment(t), VolumeMounts: volumeMounts(t.Mounts),
	}
	if t.Memory > 0 {
		c.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: *resource.NewQuantity(t.Memory, resource.BinarySI)}
	}
	if t.PostStart != nil || t.PreStop != nil {
		c.Lifecycle = &corev1.Lifecycle{PostStart: hookOf(t.PostStart), PreStop: hookOf(t.PreStop)}
	}
	return c
}

// text protects a value from the expansion of $(NAME), and replaces the placeholder of the pod's address.
func text(s string) string {
	return strings.ReplaceAll(podspec.Literal(s), target.PodIP, "$("+podIPVariable+")")
}

func texts(words []string) []string {
	var out []string
	for _, w := range words {
		out = append(out, text(w))
	}
	return out
}

// environment returns a target's variables. Of two with one name the later counts, in the place of the first.
func environment(t target.Target) []corev1.EnvVar {
	var out []corev1.EnvVar
	needsIP := slices.ContainsFunc(slices.Concat(t.Entrypoint, t.Args), func(s string) bool { return strings.Contains(s, target.PodIP) })
	for _, v := range t.Env {
		needsIP = needsIP || strings.Contains(v.Value, target.PodIP)
		made := corev1.EnvVar{Name: v.Name, Value: text(v.Value)}
		if at := slices.IndexFunc(out, func(have corev1.EnvVar) bool { return have.Name == v.Name }); at >= 0 {
			out[at] = made
		} else {
			out = append(out, made)
		}
	}
	if !needsIP {
		return out
	}
	from := &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}
	return append([]corev1.EnvVar{{Name: podIPVariable, ValueFrom: from}}, out...)
}

// openSecurity returns the security context of a container without a profile; nil where the image decides everything.
func openSecurity(t target.Target, user *image.Resolved) *corev1.SecurityContext {
	s := &corev1.SecurityContext{}
	if user != nil {
		s.RunAsUser, s.RunAsGroup = &user.UID, &user.GID
	}
	if len(t.AddCapabilities) > 0 {
		s.Capabilities = &corev1.Capabilities{}
		for _, c := range t.AddCapabilities {
			s.Capabilities.Add = append(s.Capabilities.Add, corev1.Capability(c))
		}
	}
	if user == nil && s.Capabilities == nil {
		return nil
	}
	return s
}

// numericUser returns the numbers of a user as a manifest has it: "UID" or "UID:GID"; nil for any other.
func numericUser(user string) *image.Resolved {
	var none image.Users
	found, err := none.Resolve(user)
	if user == "" || err != nil {
		return nil
	}
	return &found
}

func hookOf(h *target.Hook) *corev1.LifecycleHandler {
	switch {
	case h == nil:
		return nil
	case h.HTTP != nil:
		return &corev1.LifecycleHandler{HTTPGet: httpGet(*h.HTTP)}
	case h.Sleep > 0:
		return &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: int64(h.Sleep / time.Second)}}
	}
	return &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: h.Argv}}
}

func httpGet(g target.HTTPGet) *corev1.HTTPGetAction {
	out := &corev1.HTTPGetAction{Path: g.Path, Port: intstr.FromInt(g.Port), Scheme: corev1.URISchemeHTTP}
	if g.HTTPS {
		out.Scheme = corev1.URISchemeHTTPS
	}
	for _, h := range g.Headers {
		out.HTTPHeaders = append(out.HTTPHeaders, corev1.HTTPHeader{Name: h[0], Value: h[1]})
	}
	return out
}

// probeOf returns a probe that a kubelet tries each second for as long as a target may take to be ready.
func probeOf(p target.Probe, limit time.Duration) *corev1.Probe {
	const usual = time.Minute
	if limit <= 0 {
		limit = usual
	}
	out := &corev1.Probe{
		PeriodSeconds: 1, FailureThreshold: int32(limit / time.Second), //nolint:gosec // a limit of seconds
		TimeoutSeconds: max(1, int32(p.Timeout/time.Second)), //nolint:gosec // a limit of seconds
	}
	switch {
	case p.HTTP != nil:
		out.HTTPGet = httpGet(*p.HTTP)
	case p.TCP > 0:
		out.TCPSocket = &corev1.TCPSocketAction{Port: intstr.FromInt(p.TCP)}
	case p.GRPC > 0:
		out.GRPC = &corev1.GRPCAction{Port: int32(p.GRPC), Service: &p.Service} //nolint:gosec // a port
	default:
		out.Exec = &corev1.ExecAction{Command: p.Argv}
	}
	return out
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
