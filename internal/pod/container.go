package pod

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// source is the pod that is read, with what its fields refer to.
type source struct {
	pod         *manifest.Pod
	objects     *Objects
	options     Options
	unsupported notes
}

// reader reads the containers of one pod.
type reader struct {
	*source
	volumes volumeReader
}

func newReader(p *manifest.Pod, objects *Objects, o Options) *reader {
	if objects == nil {
		objects = &Objects{}
	}
	s := &source{pod: p, objects: objects, options: o}
	r := &reader{source: s, volumes: volumeReader{source: s, seeds: map[string]profile.MountKind{}, envs: map[string]*environment{}}}
	for _, c := range p.Containers {
		if !c.Seed() {
			continue
		}
		r.volumes.seeds[c.VolumeMounts[0].Name] = profile.Owned
		if profile.CopiesContent(c.Command) {
			r.volumes.seeds[c.VolumeMounts[0].Name] = profile.Seeded
		}
	}
	return r
}

// member reads one container.
func (r *reader) member(c manifest.Container) (target.Member, error) {
	m := target.Member{Name: memberName(c), Kind: kindOf(c)}
	if c.Image == "" {
		return m, r.fail(c, []any{"image"}, "container %s of %s names no image", m.Name, r.pod)
	}
	if _, err := reference.ParseAnyReference(c.Image); err != nil {
		return m, r.fail(c, []any{"image"}, "image %s of container %s of %s is not an image reference: check its spelling; templates and variables must be filled in before", c.Image, m.Name, r.pod)
	}
	env, err := envReader{r.source}.environment(c)
	if err != nil {
		return m, err
	}
	r.volumes.envs[c.Name] = env
	t := &m.Target
	t.Image, t.Name, t.Env, t.WorkingDir, t.Grace = c.Image, m.Name, env.vars, c.WorkingDir, grace(r.pod, r.options)
	t.Platform, t.Secrets = r.options.Flags.Platform, env.secrets
	t.Completes = m.Kind == target.Init || m.Kind == target.Main && endsItself(r.pod, c)
	t.Entrypoint, t.Args = env.expandAll(c.Command), env.expandAll(c.Args)
	if memory, ok := c.Resources.Limits[corev1.ResourceMemory]; ok {
		t.Memory = max(0, memory.Value())
	}
	if err := r.checkIDs(c); err != nil {
		return m, err
	}
	r.security(c, t)
	if t.Ports, err = r.ports(c); err != nil {
		return m, err
	}
	if t.Ready.Probes, err = (probeReader{r.source}).probes(c, t); err != nil {
		return m, err
	}
	if t.PostStart, t.PreStop, err = (probeReader{r.source}).hooks(c); err != nil {
		return m, err
	}
	r.override(c, t)
	r.containerUnsupported(c)
	return m, nil
}

// override lets the user's flags win.
func (r *reader) override(c manifest.Container, t *target.Target) {
	f := r.options.Flags
	if !r.chosen(c) {
		return
	}
	if f.Entrypoint != nil {
		t.Entrypoint, t.Args = f.Entrypoint, nil
	}
	if f.Args != nil {
		t.Args = f.Args
	}
	t.User, t.WorkingDir = cmp.Or(f.User, t.User), cmp.Or(f.WorkingDir, t.WorkingDir)
}

func (r *source) chosen(c manifest.Container) bool {
	return len(r.options.Chosen) == 0 || slices.Contains(r.options.Chosen, c.Name)
}

func kindOf(c manifest.Container) target.MemberKind {
	switch {
	case !c.Init:
		return target.Main
	case c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways:
		return target.Sidecar
	}
	return target.Init
}

// endsItself reports whether a main container runs to its end. A bare Pod that is not to be restarted may still be a
// server: then it has ports or probes.
func endsItself(p *manifest.Pod, c manifest.Container) bool {
	if p.Spec.RestartPolicy != corev1.RestartPolicyNever && p.Spec.RestartPolicy != corev1.RestartPolicyOnFailure {
		return false
	}
	return p.Kind != "Pod" || len(c.Ports) == 0 && c.ReadinessProbe == nil && c.StartupProbe == nil
}

// security takes over what the open run can honour: the user and the added capabilities.
func (r *reader) security(c manifest.Container, t *target.Target) {
	var user, group *int64
	if s := r.pod.Spec.SecurityContext; s != nil {
		user, group = s.RunAsUser, s.RunAsGroup
	}
	if s := c.SecurityContext; s != nil {
		user, group = cmp.Or(s.RunAsUser, user), cmp.Or(s.RunAsGroup, group)
		if s.Capabilities != nil {
			for _, add := range s.Capabilities.Add {
				name := strings.TrimPrefix(strings.ToUpper(string(add)), "CAP_")
				if !slices.Contains(t.AddCapabilities, name) {
					t.AddCapabilities = append(t.AddCapabilities, name)
				}
			}
			slices.Sort(t.AddCapabilities)
		}
	}
	switch {
	case slices.ContainsFunc(c.VolumeMounts, r.volumes.bySeal):
		// An earlier seal chose this user, together with folders that are found anew: without them it may be refused
		// where the image's own is not.
	case user != nil && group != nil:
		t.User = strconv.FormatInt(*user, 10) + ":" + strconv.FormatInt(*group, 10)
	case user != nil:
		t.User = strconv.FormatInt(*user, 10)
	case group != nil:
		r.unsupported.add("runAsGroup without runAsUser is not given to the open run, which keeps the image's group", t.Name)
	}
}

// checkIDs refuses numbers of users and groups that no cluster takes.
func (r *reader) checkIDs(c manifest.Container) error {
	const most = 1<<31 - 1
	bad := func(ids ...*int64) bool {
		return slices.ContainsFunc(ids, func(id *int64) bool { return id != nil && (*id < 0 || *id > most) })
	}
	if s := c.SecurityContext; s != nil && bad(s.RunAsUser, s.RunAsGroup) {
		return r.fail(c, []any{"securityContext"}, "container %s of %s has a user or group that is not between 0 and %d", memberName(c), r.pod, most)
	}
	s := r.pod.Spec.SecurityContext
	if s == nil {
		return nil
	}
	ids := []*int64{s.RunAsUser, s.RunAsGroup, s.FSGroup}
	for i := range s.SupplementalGroups {
		ids = append(ids, &s.SupplementalGroups[i])
	}
	if bad(ids...) {
		return r.failPod([]any{"securityContext"}, "%s has a user or group that is not between 0 and %d", r.pod, most)
	}
	return nil
}

// ports returns the container's TCP ports, in its order.
func (r *reader) ports(c manifest.Container) ([]int, error) {
	var out []int
	for i, p := range c.Ports {
		if p.ContainerPort < 1 || p.ContainerPort > 65535 {
			return nil, r.fail(c, []any{"ports", i}, "container %s of %s has a port %d, which is none", memberName(c), r.pod, p.ContainerPort)
		}
		if p.Protocol != "" && p.Protocol != corev1.ProtocolTCP {
			r.unsupported.add("ports of "+string(p.Protocol)+" are not published to the host", memberName(c))
			continue
		}
		if p.HostPort != 0 {
			r.unsupported.add("hostPort is not bound: ports are published on free ones", memberName(c))
		}
		if n := int(p.ContainerPort); !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	if r.pod.Knative() && len(out) == 0 && len(r.pod.Spec.Containers) == 1 && !c.Init {
		out = []int{knativePort}
	}
	return out, nil
}
