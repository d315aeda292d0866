package podspec

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/tree"
)

// podFields adds the securityContext fields that only a pod can have.
func (d *delta) podFields() error {
	have := d.pod.securityContext()
	slices.Sort(d.groups)
	missing := slices.DeleteFunc(slices.Clone(d.groups), func(g int64) bool { return slices.Contains(have.SupplementalGroups, g) })
	if d.pod.Limited != "" && (len(missing) > 0 || d.lowPorts || d.ping || d.fsGroup != 0 || d.pod.NoInit && len(d.Seeds) > 0) {
		fields := "supplementalGroups, fsGroup or sysctls"
		if d.pod.NoInit {
			fields = "supplementalGroups, fsGroup, sysctls or init containers"
		}
		return failPod("%s: %s passes no %s on to the pod, but the profile needs %s", d.pod.Title, d.pod.Limited, fields, d.podNeeds(missing))
	}
	d.tightenPod(have)
	if len(missing) > 0 {
		d.security = append(d.security, tree.Field{Key: "supplementalGroups", Value: tree.Items{Append: tree.List(missing)}})
	}
	if d.fsGroup != 0 && !equals(have.FSGroup, d.fsGroup) {
		d.security = append(d.security, tree.Field{Key: "fsGroup", Value: d.fsGroup})
	}
	return d.podSysctls(have)
}

// podSysctls adds the sysctls that the profiles need.
func (d *delta) podSysctls(have *corev1.PodSecurityContext) error {
	needed := Sysctls(d.lowPorts, d.ping)
	if len(needed) > 0 && d.pod.Spec.HostNetwork {
		what := "open low ports to users: let it listen above 1023"
		if !d.lowPorts {
			what = "let users send ICMP echoes: let it send none"
		}
		return failPod("%s uses the host's network, where no pod may %s", d.pod.Title, what)
	}
	if edit := editSysctls(have.Sysctls, needed); !edit.Empty() {
		d.security = append(d.security, tree.Field{Key: "sysctls", Value: edit})
	}
	return nil
}

// podNeeds names the first thing that a pod with limited fields cannot have.
func (d *delta) podNeeds(groups []int64) string {
	switch {
	case len(groups) > 0:
		return fmt.Sprintf("the groups %v", groups)
	case d.lowPorts:
		return "a port below 1024"
	case d.ping:
		return "ICMP echoes"
	case d.fsGroup != 0:
		return fmt.Sprintf("the group %d on its volumes", d.fsGroup)
	default:
		return "a folder that an init container makes"
	}
}

// tightenPod tightens what a pod says for all its containers, if each of them is sealed without root.
func (d *delta) tightenPod(have *corev1.PodSecurityContext) {
	for _, c := range d.pod.Containers {
		if p, sealed := profileOf(d.sealed, c.Name); !c.Seed && (!sealed || p.User.UID == 0) {
			return
		}
	}
	if have.RunAsNonRoot != nil && !*have.RunAsNonRoot {
		d.setPodField("runAsNonRoot", true)
	}
	if have.RunAsUser != nil && *have.RunAsUser == 0 {
		d.setPodField("runAsUser", d.sealed[0].Profile.User.UID)
	}
	if have.SeccompProfile != nil && have.SeccompProfile.Type == corev1.SeccompProfileTypeUnconfined {
		d.setPodField("seccompProfile", runtimeDefault())
	}
}

// setPodField sets a field of the pod's securityContext, once.
func (d *delta) setPodField(key string, value any) {
	if !slices.ContainsFunc(d.security, func(f tree.Field) bool { return f.Key == key }) {
		d.security = append(d.security, tree.Field{Key: key, Value: value})
	}
}
