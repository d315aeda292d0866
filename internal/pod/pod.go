// Package pod translates a pod of a manifest into targets: the command, files, variables and volumes of each container, as
// a kubelet would set them. It lists the fields of the pod that podseal does not support.
package pod

import (
	"cmp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// Options are the settings that the user gives for a pod.
type Options struct {
	// Flags is the target that the user's flags describe. It wins over the pod: its variables for every container that
	// declares them, the rest for the chosen containers. A zero field is one that the user did not give.
	Flags target.Target
	// Chosen are the names, in the manifest, of the containers that are to be sealed; none means all.
	Chosen []string
	// AllowHostPath gives the machine's own folders to the pod, where it asks for them.
	AllowHostPath bool
}

// Pod is a pod as podseal runs it.
type Pod struct {
	Manifest *manifest.Pod
	// Members are the pod's containers in the order of their starts, without those that an earlier seal brought. Their profiles are not set.
	Members []target.Member

	names  []string // of the members, in the manifest
	shared target.Pod
	main   int // the default container's place in Members
	grace  time.Duration
	flags  target.Target
}

// defaultContainer is the annotation by which a pod names the container that kubectl takes.
const defaultContainer = "kubectl.kubernetes.io/default-container"

// Read translates a pod. An error is one of the manifest, with its file and line: something that the pod needs is not in
// the input, or would not start in a cluster either.
func Read(p *manifest.Pod, objects *Objects, o Options) (*Pod, error) {
	r := newReader(p, objects, o)
	out := &Pod{Manifest: p, flags: o.Flags, grace: grace(p, o)}
	containers := inOrder(p)
	var mounted []corev1.VolumeMount
	for _, c := range containers {
		m, err := r.member(c)
		if err != nil {
			return nil, err
		}
		out.Members = append(out.Members, m)
		out.names = append(out.names, c.Name)
		mounted = append(mounted, r.volumes.mountsOf(c)...)
	}
	volumes, err := r.volumes.volumes(mounted)
	if err != nil {
		return nil, err
	}
	if err := r.volumes.place(out.Members, volumes); err != nil {
		return nil, err
	}
	out.main = mainMember(p, out)
	r.podUnsupported()
	out.shared = target.Pod{
		Name: hostname(p), Passing: passing(p), Volumes: volumes, Sysctls: sysctls(p), Ports: ports(out, o.Flags.Ports), Unsupported: r.unsupported.sentences(),
		Original: p.String(), Groups: supplementalGroups(p), Hosts: hosts(p), FSGroup: fsGroup(p),
	}
	return out, nil
}

// inOrder returns the containers in the order of their starts, without the seeds of an earlier seal.
func inOrder(p *manifest.Pod) []manifest.Container {
	return slices.DeleteFunc(slices.Clone(p.Containers), manifest.Container.Seed)
}

// mainMember returns the index of the container that commands are meant for.
func mainMember(p *manifest.Pod, out *Pod) int {
	if i := slices.Index(out.names, p.Meta.Annotations[defaultContainer]); i != -1 {
		return i
	}
	return max(0, slices.IndexFunc(out.Members, func(m target.Member) bool { return m.Kind == target.Main }))
}

// usualGrace is how long a container may take to stop where neither the user nor the pod says it. A cluster gives 30
// seconds, but one that ignores the signal takes all of it in every run.
const usualGrace = 10 * time.Second

// grace returns how long the pod's containers may take to stop.
func grace(p *manifest.Pod, o Options) time.Duration {
	if given := p.Spec.TerminationGracePeriodSeconds; o.Flags.Grace == 0 && given != nil {
		return max(time.Second, seconds(*given)) // as Kubernetes has it, also for a negative number
	}
	return cmp.Or(o.Flags.Grace, usualGrace)
}

// seconds returns a number of seconds of a manifest as a duration of at most a day.
func seconds(n int64) time.Duration {
	return time.Duration(min(max(n, 0), 86400)) * time.Second
}

// ports returns the TCP ports of all containers: those that the user gave first, then those of the default container.
func ports(p *Pod, given []int) []int {
	out := slices.Clone(given)
	add := func(m target.Member) {
		for _, port := range m.Target.Ports {
			if !slices.Contains(out, port) {
				out = append(out, port)
			}
		}
	}
	add(p.Members[p.main])
	for _, m := range p.Members {
		add(m)
	}
	return out
}

func sysctls(p *manifest.Pod) map[string]string {
	if p.Spec.SecurityContext == nil || len(p.Spec.SecurityContext.Sysctls) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, s := range p.Spec.SecurityContext.Sysctls {
		out[strings.ReplaceAll(s.Name, "/", ".")] = s.Value
	}
	return out
}

// hosts returns the names that the pod adds to /etc/hosts, as NAME:IP.
func hosts(p *manifest.Pod) []string {
	var out []string
	for _, a := range p.Spec.HostAliases {
		for _, name := range a.Hostnames {
			out = append(out, name+":"+a.IP)
		}
	}
	return out
}

func supplementalGroups(p *manifest.Pod) []int64 {
	if p.Spec.SecurityContext == nil {
		return nil
	}
	return slices.Compact(slices.Sorted(slices.Values(p.Spec.SecurityContext.SupplementalGroups)))
}

func fsGroup(p *manifest.Pod) *int64 {
	if p.Spec.SecurityContext == nil {
		return nil
	}
	return p.Spec.SecurityContext.FSGroup
}

// Names returns the names of the members in the manifest, in the order of Members. Under Knative a name may be empty.
func (p *Pod) Names() []string { return slices.Clone(p.names) }

// Target returns the container of a name in the manifest, as the one to seal, in its pod. The other containers run under the
// profiles that are given for their names, else unrestricted. It returns the zero value for a container that is not a
// member.
func (p *Pod) Target(name string, profiles map[string]profile.Profile) target.Target {
	at := slices.Index(p.names, name)
	if at < 0 {
		return target.Target{}
	}
	t := p.Members[at].Target
	shared := p.shared
	shared.Kind = p.Members[at].Kind
	shared.Before, shared.After = p.under(0, at, profiles), p.under(at+1, len(p.Members), profiles)
	if at != p.main {
		shared.Default = p.Members[p.main].Name
	} else if len(p.flags.Ports) > 0 {
		t.Ports = p.shared.Ports
	}
	t.Pod = &shared
	t.Network, t.Untraced = p.flags.Network, p.flags.Untraced
	t.Alias, t.Needs, t.Dir = p.flags.Alias, p.flags.Needs, p.flags.Dir
	t.Completes = t.Completes || p.flags.Completes
	t.Commands, t.Soak, t.Timeout = p.flags.Commands, p.flags.Soak, p.flags.Timeout
	t.Ready = p.ready(at)
	return t
}

// under returns the members from one place to another with their profiles.
func (p *Pod) under(from, to int, profiles map[string]profile.Profile) []target.Member {
	var out []target.Member
	for i := from; i < to; i++ {
		m := p.Members[i]
		var ok bool
		if m.Profile, ok = profiles[p.names[i]]; !ok {
			m.Profile = profile.Unrestricted()
		}
		out = append(out, m)
	}
	return out
}

// ready joins the probes of all containers that run while the target is tested: its own first. Where the user gave a
// condition, that is it.
func (p *Pod) ready(at int) target.Ready {
	r := p.flags.Ready
	r.Probes = nil
	if r.Given() {
		return r
	}
	r.Probes = slices.Clone(p.Members[at].Target.Ready.Probes)
	for i, m := range p.Members {
		if i == at {
			continue
		}
		for _, probe := range m.Target.Ready.Probes {
			probe.Of = m.Name
			if len(probe.Argv) == 0 || i == p.main { // commands can run in the target and in the default container
				r.Probes = append(r.Probes, probe)
			}
		}
	}
	return r
}

// memberName returns a container's name, or Knative's default for one without a name.
func memberName(c manifest.Container) string { return cmp.Or(c.Name, "user-container") }
