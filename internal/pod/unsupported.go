package pod

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/target"
)

// notes are the sentences about unsupported fields, each with the containers that it concerns.
type notes struct {
	order []string
	about map[string][]string
}

// add notes a sentence, once.
func (n *notes) add(sentence string, containers ...string) {
	if n.about == nil {
		n.about = map[string][]string{}
	}
	if _, has := n.about[sentence]; !has {
		n.order = append(n.order, sentence)
		n.about[sentence] = nil
	}
	for _, c := range containers {
		if !slices.Contains(n.about[sentence], c) {
			n.about[sentence] = append(n.about[sentence], c)
		}
	}
}

func (n *notes) sentences() []string {
	var out []string
	for _, s := range n.order {
		if who := n.about[s]; len(who) > 0 {
			s += " (" + strings.Join(who, ", ") + ")"
		}
		out = append(out, s)
	}
	return out
}

// feature is a field of a manifest that podseal does not support.
type feature struct {
	asked bool
	says  string
}

func (n *notes) addAll(features []feature, containers ...string) {
	for _, f := range features {
		if f.asked {
			n.add(f.says, containers...)
		}
	}
}

// containerUnsupported notes the fields of a container that are not emulated.
func (r *source) containerUnsupported(c manifest.Container) {
	name := memberName(c)
	r.unsupported.addAll([]feature{
		{c.LivenessProbe != nil, "the livenessProbe is not run"},
		{c.StartupProbe != nil && kindOf(c) == target.Sidecar, "the startupProbe does not hold back the containers that start after it"},
		{c.TTY || c.Stdin, "the container gets no terminal and no stdin"},
		{c.TerminationMessagePath != "" && c.TerminationMessagePath != corev1.TerminationMessagePathDefault, "there is no file at terminationMessagePath " + c.TerminationMessagePath},
		{len(c.VolumeDevices) > 0, "volumeDevices are not given: there are no block devices"},
		{len(c.RestartPolicyRules) > 0, "restartPolicyRules are not followed"},
		{!c.Init && c.RestartPolicy != nil, "the container's own restartPolicy is not followed"},
		{len(c.Resources.Claims) > 0, "resource claims are not met"},
	}, name)
	var left []string
	for _, resource := range slices.Sorted(maps.Keys(c.Resources.Limits)) {
		if resource != corev1.ResourceMemory {
			left = append(left, string(resource))
		}
	}
	if len(left) > 0 {
		r.unsupported.add("limits other than memory are not enforced, nor are devices given: "+strings.Join(left, ", "), name)
	}
	if s := c.SecurityContext; s != nil {
		r.unsupported.addAll([]feature{
			{isTrue(s.Privileged), "privileged is not given: no run has the node's devices or unmasked /proc and /sys"},
			{s.ProcMount != nil && *s.ProcMount != corev1.DefaultProcMount, "procMount Unmasked is not given"},
		}, name)
		r.confinement(s.SeccompProfile, s.AppArmorProfile, s.SELinuxOptions, name)
	}
	r.oldAppArmor(c)
}

// confinement notes the profiles of the kernel's security modules, which are not loaded here.
func (r *source) confinement(seccomp *corev1.SeccompProfile, armor *corev1.AppArmorProfile, se *corev1.SELinuxOptions, who ...string) {
	if seccomp != nil && seccomp.Type != corev1.SeccompProfileTypeRuntimeDefault {
		r.unsupported.add(fmt.Sprintf("the seccomp profile %s is not used: all runs have the engine's default", seccomp.Type), who...)
	}
	if armor != nil && armor.Type != corev1.AppArmorProfileTypeRuntimeDefault {
		r.unsupported.add(fmt.Sprintf("the AppArmor profile %s is not used", armor.Type), who...)
	}
	if se != nil {
		r.unsupported.add("seLinuxOptions are not used", who...)
	}
}

// oldAppArmor notes the annotation by which pods chose an AppArmor profile before there was a field.
func (r *source) oldAppArmor(c manifest.Container) {
	value := r.pod.Meta.Annotations[corev1.DeprecatedAppArmorBetaContainerAnnotationKeyPrefix+c.Name]
	if value != "" && value != corev1.DeprecatedAppArmorBetaProfileRuntimeDefault {
		r.unsupported.add("the AppArmor profile "+value+" is not used", memberName(c))
	}
}

// mountUnsupported notes the fields of a mount that are not emulated.
func (r *source) mountUnsupported(c manifest.Container, m corev1.VolumeMount) {
	r.unsupported.addAll([]feature{
		{m.MountPropagation != nil && *m.MountPropagation != corev1.MountPropagationNone, "mountPropagation of " + m.MountPath + " is not given"},
		{m.RecursiveReadOnly != nil && *m.RecursiveReadOnly != corev1.RecursiveReadOnlyDisabled, "recursiveReadOnly of " + m.MountPath + " is not given"},
		{len(m.BindMountOptions) > 0, "bindMountOptions of " + m.MountPath + " are not given"},
	}, memberName(c))
}

// podUnsupported notes the fields of the pod itself that are not emulated.
func (r *source) podUnsupported() {
	s := r.pod.Spec
	for _, note := range r.pod.Notes {
		r.unsupported.add(note)
	}
	r.unsupported.addAll([]feature{
		{s.HostNetwork, "hostNetwork is not given: the pod has its own network"},
		{s.HostPID, "hostPID is not given: the pod sees its own processes only"},
		{s.HostIPC, "hostIPC is not given: the pod has its own IPC namespace"},
		{isTrue(s.ShareProcessNamespace), "shareProcessNamespace is not given: each container sees its own processes only"},
		{s.HostUsers != nil && !*s.HostUsers, "hostUsers: false is not given: users are not mapped"},
		{s.RuntimeClassName != nil && *s.RuntimeClassName != "", "the runtimeClass is not used: the engine's own runtime runs the pod"},
		{s.DNSConfig != nil, "dnsConfig is not used: names are resolved as the engine does"},
		{s.DNSPolicy == corev1.DNSNone || s.DNSPolicy == corev1.DNSClusterFirstWithHostNet, "dnsPolicy is not used: names are resolved as the engine does"},
		{s.Subdomain != "" || isTrue(s.SetHostnameAsFQDN), "the pod has no name in DNS (subdomain, setHostnameAsFQDN)"},
		{len(s.EphemeralContainers) > 0, "ephemeral containers are not run"},
		{s.Resources != nil, "resources of the pod as a whole are not enforced"},
		{len(s.ResourceClaims) > 0, "resource claims are not met"},
		{s.ActiveDeadlineSeconds != nil, "activeDeadlineSeconds is not kept: --timeout bounds a run"},
		{len(s.ReadinessGates) > 0, "readinessGates are not waited for"},
	})
	if c := s.SecurityContext; c != nil {
		r.confinement(c.SeccompProfile, c.AppArmorProfile, c.SELinuxOptions)
		if c.SupplementalGroupsPolicy != nil && *c.SupplementalGroupsPolicy == corev1.SupplementalGroupsPolicyStrict {
			r.unsupported.add("supplementalGroupsPolicy Strict is not kept: the image's groups of the user are added")
		}
	}
	if s.AutomountServiceAccountToken == nil || *s.AutomountServiceAccountToken {
		r.unsupported.add("there is no Kubernetes API: neither its address (KUBERNETES_SERVICE_HOST) nor the token of the pod's service account is given")
	} else {
		r.unsupported.add("there are no services: their variables (KUBERNETES_SERVICE_HOST and the like) are not given")
	}
}
