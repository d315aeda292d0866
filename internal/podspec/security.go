package podspec

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/tree"
)

// editSecurity returns the edit of a container's securityContext, which may be nil. Fields that the pod can have for all
// its containers may be set on the pod instead.
func (d *delta) editSecurity(have *corev1.SecurityContext, p profile.Profile) tree.Object {
	if have == nil {
		have = &corev1.SecurityContext{}
	}
	edit := d.editUser(have, p)
	if isTrue(have.Privileged) {
		edit = append(edit, tree.Field{Key: "privileged", Value: false})
	}
	if !p.WritableRoot && !isTrue(have.ReadOnlyRootFilesystem) {
		edit = append(edit, tree.Field{Key: "readOnlyRootFilesystem", Value: true})
	}
	if !p.AllowPrivilegeEscalation && (have.AllowPrivilegeEscalation == nil || *have.AllowPrivilegeEscalation) {
		edit = append(edit, tree.Field{Key: "allowPrivilegeEscalation", Value: false})
	}
	if have.ProcMount != nil && *have.ProcMount == corev1.UnmaskedProcMount {
		edit = append(edit, tree.Field{Key: "procMount", Value: "Default"})
	}
	return edit.AppendObject("capabilities", editCapabilities(have.Capabilities, p.AddCapabilities))
}

// editCapabilities drops ALL, and leaves exactly the proved capabilities added.
func editCapabilities(have *corev1.Capabilities, want []string) tree.Object {
	if have == nil {
		have = &corev1.Capabilities{}
	}
	var edit tree.Object
	if !slices.Contains(have.Drop, "ALL") {
		edit = append(edit, tree.Field{Key: "drop", Value: tree.Items{Append: []any{"ALL"}}})
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
	case extra && len(want) == 0:
		edit = append(edit, tree.Field{Key: "add", Value: tree.Removed{}})
	case extra:
		edit = append(edit, tree.Field{Key: "add", Value: tree.Replaced(tree.List(want))})
	case len(missing) > 0:
		edit = append(edit, tree.Field{Key: "add", Value: tree.Items{Append: missing}})
	}
	return edit
}

// editUser sets user, groups and seccomp where the pod or the container has them. Where neither does, they are set on the
// pod if it has this one container, else on the container. A container's own field counts more than its pod's.
func (d *delta) editUser(have *corev1.SecurityContext, p profile.Profile) tree.Object {
	pod := d.pod.securityContext()
	var edit tree.Object
	set := func(key string, value any, own, podHas, good, podGood bool) {
		switch {
		case own && good, !own && podHas && podGood:
		case own || !d.podLevel:
			edit = append(edit, tree.Field{Key: key, Value: value})
		default:
			d.setPodField(key, value)
		}
	}
	user := p.User
	if nonRoot := user.UID != 0; nonRoot || isTrue(have.RunAsNonRoot) || have.RunAsNonRoot == nil && isTrue(pod.RunAsNonRoot) {
		set("runAsNonRoot", nonRoot, have.RunAsNonRoot != nil, pod.RunAsNonRoot != nil,
			isTrue(have.RunAsNonRoot) == nonRoot, isTrue(pod.RunAsNonRoot) == nonRoot)
	}
	set("runAsUser", user.UID, have.RunAsUser != nil, pod.RunAsUser != nil, equals(have.RunAsUser, user.UID), equals(pod.RunAsUser, user.UID))
	set("runAsGroup", user.GID, have.RunAsGroup != nil, pod.RunAsGroup != nil, equals(have.RunAsGroup, user.GID), equals(pod.RunAsGroup, user.GID))
	set("seccompProfile", runtimeDefault(), have.SeccompProfile != nil, pod.SeccompProfile != nil,
		confined(have.SeccompProfile), confined(pod.SeccompProfile))
	return edit
}

func isTrue(b *bool) bool { return b != nil && *b }

func equals(have *int64, want int64) bool { return have != nil && *have == want }

// confined reports whether a seccomp profile is at least as tight as the runtime's own, as far as its type shows.
func confined(p *corev1.SeccompProfile) bool {
	return p != nil && (p.Type == corev1.SeccompProfileTypeRuntimeDefault || p.Type == corev1.SeccompProfileTypeLocalhost)
}
