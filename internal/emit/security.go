package emit

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
)

// containerSecurity is the edit of a container's securityContext. What its profile can share with the whole pod may go
// to the pod's instead.
func (w *wish) containerSecurity(c manifest.Container, e Edit) object {
	have := c.SecurityContext
	if have == nil {
		have = &corev1.SecurityContext{}
	}
	p := e.Profile
	edit := w.user(have, e)
	if have.Privileged != nil && *have.Privileged {
		edit = append(edit, field{"privileged", false})
	}
	if !p.WritableRoot && !isTrue(have.ReadOnlyRootFilesystem) {
		edit = append(edit, field{"readOnlyRootFilesystem", true})
	}
	if !p.AllowPrivilegeEscalation && (have.AllowPrivilegeEscalation == nil || *have.AllowPrivilegeEscalation) {
		edit = append(edit, field{"allowPrivilegeEscalation", false})
	}
	if have.ProcMount != nil && *have.ProcMount == corev1.UnmaskedProcMount {
		edit = append(edit, field{"procMount", "Default"})
	}
	if caps := capabilities(have.Capabilities, p.AddCapabilities); len(caps) > 0 {
		edit = append(edit, field{"capabilities", caps})
	}
	return edit
}

func isTrue(b *bool) bool { return b != nil && *b }

// capabilities drops ALL, and leaves exactly the proved ones added.
func capabilities(have *corev1.Capabilities, want []string) object {
	if have == nil {
		have = &corev1.Capabilities{}
	}
	var edit object
	if !slices.Contains(have.Drop, "ALL") {
		edit = append(edit, field{"drop", items{append: []any{"ALL"}}})
	}
	extra, missing := false, []any(nil)
	for _, c := range have.Add {
		extra = extra || !slices.Contains(want, string(c))
	}
	for _, c := range want {
		if !slices.Contains(have.Add, corev1.Capability(c)) {
			missing = append(missing, c)
		}
	}
	switch {
	case extra:
		edit = append(edit, field{"add", replaced(list(want))})
	case len(missing) > 0:
		edit = append(edit, field{"add", items{append: missing}})
	}
	return edit
}

// user sets user, groups and seccomp where they stand; where they do not stand yet, on a pod that has this one container,
// else on the container. A container's own field counts more than its pod's.
func (w *wish) user(have *corev1.SecurityContext, e Edit) object {
	pod := w.pod.Spec.SecurityContext
	if pod == nil {
		pod = &corev1.PodSecurityContext{}
	}
	var edit object
	set := func(key string, value any, own, podHas, good, podGood bool) {
		switch {
		case own && good, !own && podHas && podGood:
		case own || !w.podLevel:
			edit = append(edit, field{key, value})
		default:
			w.podField(key, value)
		}
	}
	user := e.Profile.User
	if nonRoot := user.UID != 0; nonRoot || isTrue(have.RunAsNonRoot) || have.RunAsNonRoot == nil && isTrue(pod.RunAsNonRoot) {
		set("runAsNonRoot", nonRoot, have.RunAsNonRoot != nil, pod.RunAsNonRoot != nil,
			isTrue(have.RunAsNonRoot) == nonRoot, isTrue(pod.RunAsNonRoot) == nonRoot)
	}
	set("runAsUser", user.UID, have.RunAsUser != nil, pod.RunAsUser != nil, is(have.RunAsUser, user.UID), is(pod.RunAsUser, user.UID))
	set("runAsGroup", user.GID, have.RunAsGroup != nil, pod.RunAsGroup != nil, is(have.RunAsGroup, user.GID), is(pod.RunAsGroup, user.GID))
	set("seccompProfile", object{{"type", "RuntimeDefault"}}, have.SeccompProfile != nil, pod.SeccompProfile != nil,
		confined(have.SeccompProfile), confined(pod.SeccompProfile))
	return edit
}

func is(have *int64, want int64) bool { return have != nil && *have == want }

// confined tells whether a seccomp profile is at least as tight as the runtime's own, as far as its type says.
func confined(p *corev1.SeccompProfile) bool {
	return p != nil && (p.Type == corev1.SeccompProfileTypeRuntimeDefault || p.Type == corev1.SeccompProfileTypeLocalhost)
}
