package pod

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/target"
)

// probeReader reads the probes and hooks of containers.
type probeReader struct{ *source }

// probes returns the conditions under which the container is started and ready. It adds their ports to the target's.
func (r probeReader) probes(c manifest.Container, t *target.Target) ([]target.Probe, error) {
	var out []target.Probe
	for _, p := range []struct {
		name string
		from *corev1.Probe
	}{{"startupProbe", c.StartupProbe}, {"readinessProbe", c.ReadinessProbe}} {
		if p.from == nil {
			continue
		}
		probe, used, err := r.probe(c, p.name, p.from)
		if err != nil {
			return nil, err
		}
		if !used || t.Completes {
			continue
		}
		out = append(out, probe)
		for _, port := range []int{probe.TCP, probe.GRPC, httpPort(probe.HTTP)} {
			if port != 0 && !slices.Contains(t.Ports, port) {
				t.Ports = append(t.Ports, port)
			}
		}
	}
	return out, nil
}

func httpPort(g *target.HTTPGet) int {
	if g == nil {
		return 0
	}
	return g.Port
}

// probe translates one probe; used is false for one that asks something else than the pod.
func (r probeReader) probe(c manifest.Container, name string, from *corev1.Probe) (out target.Probe, used bool, err error) {
	out = target.Probe{Name: name, Timeout: max(time.Second, seconds(int64(from.TimeoutSeconds)))}
	switch {
	case from.Exec != nil:
		if len(from.Exec.Command) == 0 {
			return out, false, r.fail(c, []any{name}, "the %s of container %s has no command", name, memberName(c))
		}
		out.Argv = staticCommand(c, from.Exec.Command)
	case from.HTTPGet != nil:
		if out.HTTP, err = r.httpGet(c, name, from.HTTPGet); err != nil || out.HTTP == nil {
			return out, false, err
		}
	case from.TCPSocket != nil:
		if !r.asksPod(c, name, from.TCPSocket.Host) {
			return out, false, nil
		}
		out.TCP, err = r.port(c, name, from.TCPSocket.Port)
	case from.GRPC != nil:
		if out.GRPC, err = r.port(c, name, intstr.FromInt32(from.GRPC.Port)); from.GRPC.Service != nil {
			out.Service = *from.GRPC.Service
		}
	case r.pod.Knative():
		out.TCP, err = r.port(c, name, intstr.IntOrString{})
	default:
		return out, false, nil
	}
	return out, err == nil, err
}

// staticCommand expands a probe's command as a kubelet does: with the values that stand in the pod, as they stand there.
func staticCommand(c manifest.Container, words []string) []string {
	values := map[string]string{}
	for _, v := range c.Env {
		values[v.Name] = v.Value
	}
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = expand(w, func(name string) (string, bool) { v, ok := values[name]; return v, ok })
	}
	return out
}

// asksPod reports whether a probe or hook asks the pod itself; another host is out of reach.
func (r probeReader) asksPod(c manifest.Container, name, host string) bool {
	if host == "" {
		return true
	}
	r.unsupported.add("the "+name+" asks the host "+host+" instead of the pod, and is left out", memberName(c))
	return false
}

// httpGet translates a request; it is nil for one that asks something else than the pod.
func (r probeReader) httpGet(c manifest.Container, name string, from *corev1.HTTPGetAction) (*target.HTTPGet, error) {
	if !r.asksPod(c, name, from.Host) {
		return nil, nil //nolint:nilnil // no request is no error
	}
	port, err := r.port(c, name, from.Port)
	if err != nil {
		return nil, err
	}
	out := &target.HTTPGet{Port: port, Path: cmp.Or(from.Path, "/"), HTTPS: from.Scheme == corev1.URISchemeHTTPS}
	for _, h := range from.HTTPHeaders {
		out.Headers = append(out.Headers, [2]string{h.Name, h.Value})
	}
	return out, nil
}

// port returns a port by number or by the name that the container gives it.
func (r probeReader) port(c manifest.Container, name string, from intstr.IntOrString) (int, error) {
	port := int(from.IntVal)
	if from.Type == intstr.String {
		for _, p := range c.Ports {
			if p.Name == from.StrVal {
				port = int(p.ContainerPort)
			}
		}
		if port == 0 {
			port, _ = strconv.Atoi(from.StrVal) // a kubelet, too, takes a number in quotes
		}
	}
	if port == 0 && r.pod.Knative() {
		port = knativePort
		if len(c.Ports) > 0 {
			port = int(c.Ports[0].ContainerPort)
		}
	}
	if port < 1 || port > 65535 {
		return 0, r.fail(c, []any{name}, "the %s of container %s asks port %q, but the container has no port of that name", name, memberName(c), from.String())
	}
	return port, nil
}

// hooks returns the actions after the start and before the stop; each is nil if there is none.
func (r probeReader) hooks(c manifest.Container) (postStart, preStop *target.Hook, err error) {
	if c.Lifecycle == nil {
		return nil, nil, nil
	}
	if c.Lifecycle.StopSignal != nil {
		r.unsupported.add("the stop signal is the image's, not the pod's", memberName(c))
	}
	if postStart, err = r.hook(c, "postStart", c.Lifecycle.PostStart); err != nil {
		return nil, nil, err
	}
	preStop, err = r.hook(c, "preStop", c.Lifecycle.PreStop)
	return postStart, preStop, err
}

func (r probeReader) hook(c manifest.Container, name string, from *corev1.LifecycleHandler) (*target.Hook, error) {
	switch {
	case from == nil:
	case from.Exec != nil:
		if len(from.Exec.Command) == 0 {
			return nil, r.fail(c, []any{"lifecycle", name}, "the %s hook of container %s has no command", name, memberName(c))
		}
		return &target.Hook{Argv: slices.Clone(from.Exec.Command)}, nil
	case from.HTTPGet != nil:
		get, err := r.httpGet(c, name+" hook", from.HTTPGet)
		if err != nil || get == nil {
			return nil, err
		}
		return &target.Hook{HTTP: get}, nil
	case from.Sleep != nil:
		return &target.Hook{Sleep: seconds(from.Sleep.Seconds)}, nil
	case from.TCPSocket != nil:
		r.unsupported.add("a "+name+" hook with tcpSocket does nothing, as in a cluster", memberName(c))
	}
	return nil, nil //nolint:nilnil // no hook is no error
}
