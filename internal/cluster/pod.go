package cluster

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/tree"
)

// request is what a pod is made of.
type request struct {
	name       string
	target     target.Target
	facts      image.Facts
	profile    profile.Profile
	user       *image.Resolved // of the open run; nil means the image's
	claimClass string
	requests   corev1.ResourceList // of the target's container; nil for none
}

// builtPod is a pod with what it needs in its namespace.
type builtPod struct {
	pod     *corev1.Pod
	secrets map[string]map[string][]byte // the files of volumes, by the names of secrets
	main    string                       // name of the target's container
	seeds   map[string]string            // paths of the target's mounts, by the names of their init containers
	kinds   map[string]target.MemberKind // of the other containers, by name
}

// mainName is the name of a container without a manifest.
const mainName = "target"

// podOf returns the pod of a target under a profile: the pod as the target describes it, changed by exactly what
// podspec.Seal changes in a manifest.
func podOf(r request) (builtPod, error) {
	b := &builder{request: r, made: builtPod{
		main: cmp.Or(r.target.Name, mainName), secrets: map[string]map[string][]byte{}, kinds: map[string]target.MemberKind{},
	}}
	spec := b.spec()
	sealed, err := b.seal(spec)
	if err != nil {
		return builtPod{}, err
	}
	b.made.pod = &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: r.name}, Spec: sealed}
	b.made.seeds = seedPaths(sealed, b.made.main)
	return b.made, nil
}

// builder makes one pod.
type builder struct {
	request
	made builtPod
}

// restartGrace is the grace period of restarts, in seconds: as little as a kubelet grants, which makes it 2. The end of a
// run names its own.
const restartGrace = 1

// spec returns the pod as the target describes it, before any profile.
func (b *builder) spec() corev1.PodSpec {
	t := b.target
	noToken, grace := false, int64(restartGrace)
	spec := corev1.PodSpec{RestartPolicy: corev1.RestartPolicyAlways, AutomountServiceAccountToken: &noToken, TerminationGracePeriodSeconds: &grace}
	if t.Platform != "" {
		system, machine, _ := strings.Cut(t.Platform, "/")
		machine, _, _ = strings.Cut(machine, "/")
		spec.NodeSelector = map[string]string{corev1.LabelOSStable: system, corev1.LabelArchStable: machine}
	}
	main := b.container(b.made.main, t, b.imageRef())
	main.SecurityContext, main.Resources.Requests = openSecurity(t, b.user), b.requests
	if t.Pod == nil {
		spec.Containers = []corev1.Container{main}
		return spec
	}
	b.podFields(&spec, *t.Pod)
	for _, m := range t.Pod.Before {
		b.member(&spec, m)
	}
	switch t.Pod.Kind {
	case target.Init:
		spec.InitContainers = append(spec.InitContainers, main)
	case target.Sidecar:
		spec.InitContainers = append(spec.InitContainers, sidecar(main))
	default:
		spec.Containers = append(spec.Containers, main)
	}
	for _, m := range t.Pod.After {
		b.member(&spec, m)
	}
	return spec
}

// imageRef returns the image so that the cluster runs exactly the one of the facts, where a registry has it.
func (b *builder) imageRef() string { return cmp.Or(b.facts.Digest, b.facts.Ref) }

// podFields sets what belongs to the pod as a whole.
func (b *builder) podFields(spec *corev1.PodSpec, p target.Pod) {
	spec.Hostname = p.Name
	security := &corev1.PodSecurityContext{FSGroup: p.FSGroup, SupplementalGroups: p.Groups}
	for _, name := range sortedKeys(p.Sysctls) {
		security.Sysctls = append(security.Sysctls, corev1.Sysctl{Name: name, Value: p.Sysctls[name]})
	}
	spec.SecurityContext = security
	for _, h := range p.Hosts {
		name, ip, _ := strings.Cut(h, ":")
		spec.HostAliases = append(spec.HostAliases, corev1.HostAlias{IP: ip, Hostnames: []string{name}})
	}
	for _, v := range p.Volumes {
		spec.Volumes = append(spec.Volumes, b.volume(v))
	}
}

// member adds another container of the pod.
func (b *builder) member(spec *corev1.PodSpec, m target.Member) {
	c := b.container(m.Name, m.Target, m.Target.Image)
	c.SecurityContext = openSecurity(m.Target, numericUser(m.Target.User))
	b.made.kinds[m.Name] = m.Kind
	for _, probe := range m.Target.Ready.Probes {
		if probe.Name == "startupProbe" {
			c.StartupProbe = probeOf(probe, m.Target.Ready.Timeout)
		}
	}
	switch m.Kind {
	case target.Init:
		spec.InitContainers = append(spec.InitContainers, c)
	case target.Sidecar:
		spec.InitContainers = append(spec.InitContainers, sidecar(c))
	default:
		spec.Containers = append(spec.Containers, c)
	}
}

func sidecar(c corev1.Container) corev1.Container {
	always := corev1.ContainerRestartPolicyAlways
	c.RestartPolicy = &always
	return c
}

// seal changes a pod by the profiles of its containers.
func (b *builder) seal(spec corev1.PodSpec) (corev1.PodSpec, error) {
	var sealed []podspec.Sealed
	add := func(name string, p profile.Profile) {
		if !p.Open {
			sealed = append(sealed, podspec.Sealed{Container: name, Profile: p})
		}
	}
	add(b.made.main, b.profile)
	if b.target.Pod != nil {
		for _, m := range slices.Concat(b.target.Pod.Before, b.target.Pod.After) {
			add(m.Name, m.Profile)
		}
	}
	if b.profile.Open {
		openPorts(&spec)
	}
	if len(sealed) == 0 {
		return spec, nil
	}
	pod := podspec.Pod{Title: "the pod", Spec: spec}
	for i, c := range spec.InitContainers {
		pod.Containers = append(pod.Containers, podspec.Container{Container: c, Init: true, Index: i})
	}
	for i, c := range spec.Containers {
		pod.Containers = append(pod.Containers, podspec.Container{Container: c, Index: i})
	}
	delta, err := podspec.Seal(pod, sealed)
	if err != nil {
		return spec, err
	}
	return edited(spec, delta.Edit)
}

// openPorts lets every user of an unsealed pod open ports below 1024 and send ICMP echoes, as Docker does: an application
// that needs it shows so, and its seal gets the same setting.
func openPorts(spec *corev1.PodSpec) {
	if spec.SecurityContext == nil {
		spec.SecurityContext = &corev1.PodSecurityContext{}
	}
	for _, s := range podspec.Sysctls(true, true) {
		if !slices.ContainsFunc(spec.SecurityContext.Sysctls, func(have corev1.Sysctl) bool { return have.Name == s.Name }) {
			spec.SecurityContext.Sysctls = append(spec.SecurityContext.Sysctls, s)
		}
	}
}

// edited returns a pod with an edit applied.
func edited(spec corev1.PodSpec, edit tree.Object) (corev1.PodSpec, error) {
	var plain map[string]any
	if err := recode(spec, &plain); err != nil {
		return spec, err
	}
	var out corev1.PodSpec
	return out, recode(tree.Apply(plain, edit, tree.Deviations{}), &out)
}

// recode copies a value into another type with the same JSON.
func recode(from, to any) error {
	data, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	if err != nil {
		return fmt.Errorf("making a pod: %w", err)
	}
	return nil
}

// seedPaths returns the mounts that init containers prepare for a container, by the names of these.
func seedPaths(spec corev1.PodSpec, main string) map[string]string {
	out := map[string]string{}
	for _, seed := range spec.InitContainers {
		if !podspec.IsSeed(seed) {
			continue
		}
		for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
			for _, m := range c.VolumeMounts {
				if c.Name == main && m.Name == seed.VolumeMounts[0].Name && m.SubPath == profile.SeedSubPath {
					out[seed.Name] = path.Clean(m.MountPath)
				}
			}
		}
	}
	return out
}
