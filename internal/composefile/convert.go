package composefile

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// converter makes one pod of a project.
type converter struct {
	read    func(name string) ([]byte, error) // a file that the Compose file refers to
	project *types.Project
	folder  string
	name    string // of the pod

	pod     corev1.Pod
	objects []any // the ConfigMaps and Secrets, in the order of their use
	notes   []string
}

func (c *converter) note(service, format string, args ...any) {
	c.notes = append(c.notes, "service "+service+": "+fmt.Sprintf(format, args...))
}

// convert makes the pod of some services.
func (c *converter) convert(names []string) error {
	c.pod.APIVersion, c.pod.Kind = "v1", "Pod"
	c.pod.Name = objectName(c.name)
	c.pod.Labels = map[string]string{"app.kubernetes.io/name": c.pod.Name}
	used := map[int32]string{}
	for _, name := range names {
		s := c.project.Services[name]
		container, err := c.container(s)
		if err != nil {
			return fmt.Errorf("service %s: %w", name, err)
		}
		for _, p := range container.Ports {
			if other := used[p.ContainerPort]; other != "" {
				return fmt.Errorf("services %s and %s both have port %d: the containers of a pod share their ports; seal one image alone", other, name, p.ContainerPort)
			}
			used[p.ContainerPort] = name
		}
		c.pod.Spec.Containers = append(c.pod.Spec.Containers, container)
		c.grace(s)
	}
	if len(names) > 1 {
		c.pod.Spec.HostAliases = []corev1.HostAlias{{IP: "127.0.0.1", Hostnames: names}}
	}
	return nil
}

// container converts one service.
func (c *converter) container(s types.ServiceConfig) (corev1.Container, error) {
	out := corev1.Container{
		Name: objectName(s.Name), Image: imageOf(c.project, s), Command: literal(s.Entrypoint), Args: literal(s.Command), WorkingDir: s.WorkingDir,
		TTY: s.Tty, Stdin: s.StdinOpen,
	}
	names := make([]string, 0, len(s.Environment))
	for name := range s.Environment {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if v := s.Environment[name]; v != nil {
			out.Env = append(out.Env, corev1.EnvVar{Name: name, Value: strings.ReplaceAll(*v, "$", "$$")})
		}
	}
	c.ports(s, &out)
	c.security(s, &out)
	if memory := max(int64(s.MemLimit), deployMemory(s)); memory > 0 {
		out.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: *resource.NewQuantity(memory, resource.BinarySI)}
	}
	out.ReadinessProbe = c.probe(s)
	c.unsupported(s)
	return out, c.volumes(s, &out)
}

// literal returns words that a kubelet does not expand.
func literal(words []string) []string {
	var out []string
	for _, w := range words {
		out = append(out, strings.ReplaceAll(w, "$", "$$"))
	}
	return out
}

// ports adds the ports that the service publishes or exposes.
func (c *converter) ports(s types.ServiceConfig, out *corev1.Container) {
	add := func(port int32, protocol string) {
		p := corev1.ContainerPort{ContainerPort: port, Protocol: corev1.Protocol(strings.ToUpper(protocol))}
		if p.Protocol == corev1.ProtocolTCP {
			p.Protocol = ""
		}
		if !slices.Contains(out.Ports, p) {
			out.Ports = append(out.Ports, p)
		}
	}
	for _, p := range s.Ports {
		add(int32(min(p.Target, math.MaxInt32)), p.Protocol)
	}
	for _, e := range s.Expose {
		number, protocol, _ := strings.Cut(e, "/")
		if port, err := strconv.ParseInt(number, 10, 32); err == nil {
			add(int32(port), protocol)
		} else {
			c.note(s.Name, "expose %s is a range of ports, which no container can declare", e)
		}
	}
}

// security sets the user and what the container may do.
func (c *converter) security(s types.ServiceConfig, out *corev1.Container) {
	security := &corev1.SecurityContext{}
	user, group, hasGroup := strings.Cut(s.User, ":")
	if s.User != "" {
		uid, err := strconv.ParseInt(user, 10, 64)
		if err != nil {
			c.note(s.Name, "the user %s has a name, and a pod takes numbers: the user of the image is used", s.User)
		} else {
			security.RunAsUser = &uid
			if gid, err := strconv.ParseInt(group, 10, 64); hasGroup && err == nil {
				security.RunAsGroup = &gid
			}
		}
	}
	if s.Privileged {
		security.Privileged = &s.Privileged
	}
	if s.ReadOnly {
		security.ReadOnlyRootFilesystem = &s.ReadOnly
	}
	if len(s.CapAdd)+len(s.CapDrop) > 0 {
		security.Capabilities = &corev1.Capabilities{}
		for _, name := range s.CapAdd {
			security.Capabilities.Add = append(security.Capabilities.Add, corev1.Capability(strings.TrimPrefix(name, "CAP_")))
		}
		for _, name := range s.CapDrop {
			security.Capabilities.Drop = append(security.Capabilities.Drop, corev1.Capability(strings.TrimPrefix(name, "CAP_")))
		}
	}
	if *security != (corev1.SecurityContext{}) {
		out.SecurityContext = security
	}
}

// probe converts the healthcheck.
func (c *converter) probe(s types.ServiceConfig) *corev1.Probe {
	h := s.HealthCheck
	if h == nil || h.Disable || len(h.Test) < 2 {
		return nil
	}
	command := h.Test[1:]
	if h.Test[0] == "CMD-SHELL" {
		command = []string{"/bin/sh", "-c", strings.Join(command, " ")}
	}
	out := &corev1.Probe{}
	out.Exec = &corev1.ExecAction{Command: literal(command)}
	out.TimeoutSeconds, out.PeriodSeconds = wholeSeconds(h.Timeout), wholeSeconds(h.Interval)
	return out
}

// wholeSeconds returns a duration in seconds, rounded up; 0 for none.
func wholeSeconds(d *types.Duration) int32 {
	if d == nil {
		return 0
	}
	return int32(min(math.Ceil(time.Duration(*d).Seconds()), math.MaxInt32))
}

// grace lets the pod have the longest time to stop of its services.
func (c *converter) grace(s types.ServiceConfig) {
	if s.StopGracePeriod == nil {
		return
	}
	seconds := int64(wholeSeconds(s.StopGracePeriod))
	if have := c.pod.Spec.TerminationGracePeriodSeconds; have == nil || *have < seconds {
		c.pod.Spec.TerminationGracePeriodSeconds = &seconds
	}
}

func deployMemory(s types.ServiceConfig) int64 {
	if s.Deploy == nil || s.Deploy.Resources.Limits == nil {
		return 0
	}
	return int64(s.Deploy.Resources.Limits.MemoryBytes)
}

// unsupported notes the settings that no field of a pod expresses and that may change what the service does.
func (c *converter) unsupported(s types.ServiceConfig) {
	for _, f := range []struct {
		set  bool
		name string
	}{
		{len(s.Devices) > 0, "devices"},
		{len(s.ExtraHosts) > 0, "extra_hosts"},
		{len(s.DNS)+len(s.DNSOpts)+len(s.DNSSearch) > 0, "dns"},
		{s.NetworkMode != "" && s.NetworkMode != "bridge" && s.NetworkMode != "default", "network_mode"},
		{s.Pid != "", "pid"},
		{s.Ipc != "", "ipc"},
		{len(s.Ulimits) > 0, "ulimits"},
		{len(s.Sysctls) > 0, "sysctls"},
		{len(s.GroupAdd) > 0, "group_add"},
		{len(s.SecurityOpt) > 0, "security_opt"},
		{s.ShmSize > 0, "shm_size"},
		{s.StopSignal != "", "stop_signal"},
		{s.Init != nil && *s.Init, "init"},
		{s.Hostname != "", "hostname"},
		{len(s.VolumesFrom) > 0, "volumes_from"},
		{len(s.Gpus) > 0, "gpus"},
		{s.Runtime != "", "runtime"},
		{len(s.PreStart)+len(s.PostStart)+len(s.PreStop) > 0, "hooks"},
	} {
		if f.set {
			c.note(s.Name, "%s is left out", f.name)
		}
	}
}
