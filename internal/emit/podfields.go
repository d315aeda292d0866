package emit

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
)

// podFields adds what only a pod can have.
func (w *wish) podFields() error {
	have := w.pod.Spec.SecurityContext
	if have == nil {
		have = &corev1.PodSecurityContext{}
	}
	slices.Sort(w.groups)
	missing := slices.DeleteFunc(slices.Clone(w.groups), func(g int64) bool { return slices.Contains(have.SupplementalGroups, g) })
	if w.pod.Knative() && (len(missing) > 0 || w.lowPorts || w.ping || w.fsGroup != 0 || len(w.seeds) > 0) {
		return w.pod.Document.Fail(w.pod.Node, "%s: Knative passes no supplementalGroups, fsGroup, sysctls or init containers on to the pod, but the profile needs %s",
			w.pod, w.podNeeds(missing))
	}
	w.loosePodFields(have)
	if len(missing) > 0 {
		w.security = append(w.security, field{"supplementalGroups", items{append: list(missing)}})
	}
	if w.fsGroup != 0 && !is(have.FSGroup, w.fsGroup) {
		w.security = append(w.security, field{"fsGroup", w.fsGroup})
	}
	needed := sysctls(w.lowPorts, w.ping)
	if len(needed) > 0 && w.pod.Spec.HostNetwork {
		what := "open low ports to users: let it listen above 1023"
		if !w.lowPorts {
			what = "let users send ICMP echoes: let it send none"
		}
		return w.pod.Document.Fail(w.pod.Node, "%s uses the host's network, where no pod may %s", w.pod, what)
	}
	if edit := editSysctls(have.Sysctls, needed); !edit.empty() {
		w.security = append(w.security, field{"sysctls", edit})
	}
	return nil
}

// editSysctls sets the values of those that are there, and adds the others.
func editSysctls(have []corev1.Sysctl, needed []sysctl) items {
	var edit items
	for _, s := range needed {
		at := slices.IndexFunc(have, func(h corev1.Sysctl) bool { return h.Name == s.name })
		switch {
		case at < 0:
			edit.append = append(edit.append, s.item())
		case have[at].Value != s.value:
			edit.at = append(edit.at, itemEdit{at, object{{"value", s.value}}})
		}
	}
	slices.SortFunc(edit.at, func(a, b itemEdit) int { return a.index - b.index })
	return edit
}

// setFSGroup takes the group of the pod's volumes, of which there can be one.
func (w *wish) setFSGroup(c manifest.Container, group int64) error {
	if group == 0 || group == w.fsGroup {
		return nil
	}
	if w.fsGroup != 0 {
		return w.pod.Document.Fail(c.Node, "%s: its containers need the groups %d and %d on its volumes, but a pod has one fsGroup: let them run as one group", w.pod, w.fsGroup, group)
	}
	w.fsGroup = group
	return nil
}

func (w *wish) podNeeds(groups []int64) string {
	switch {
	case len(groups) > 0:
		return fmt.Sprintf("the groups %v", groups)
	case w.lowPorts:
		return "a port below 1024"
	case w.ping:
		return "ICMP echoes"
	case w.fsGroup != 0:
		return fmt.Sprintf("the group %d on its volumes", w.fsGroup)
	default:
		return "a folder that an init container makes"
	}
}

// loosePodFields tightens what a pod says for all its containers, when each of them is sealed without root.
func (w *wish) loosePodFields(have *corev1.PodSecurityContext) {
	sealed := map[string]bool{}
	for _, e := range w.edits {
		sealed[e.Container] = e.Profile.User.UID != 0
	}
	for _, c := range w.pod.Containers {
		if !c.Seed() && !sealed[c.Name] {
			return
		}
	}
	user := w.edits[0].Profile.User
	if have.RunAsNonRoot != nil && !*have.RunAsNonRoot {
		w.podField("runAsNonRoot", true)
	}
	if have.RunAsUser != nil && *have.RunAsUser == 0 {
		w.podField("runAsUser", user.UID)
	}
	if have.SeccompProfile != nil && have.SeccompProfile.Type == corev1.SeccompProfileTypeUnconfined {
		w.podField("seccompProfile", object{{"type", "RuntimeDefault"}})
	}
}

// podField sets a field of the pod's securityContext, once.
func (w *wish) podField(key string, value any) {
	if !slices.ContainsFunc(w.security, func(f field) bool { return f.key == key }) {
		w.security = append(w.security, field{key, value})
	}
}
