package podspec

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/tree"
)

// ContainerSecurity returns the securityContext fields that only containers have, and runAsNonRoot.
func ContainerSecurity(p profile.Profile) tree.Object {
	capabilities := tree.Object{{Key: "drop", Value: []any{"ALL"}}}.AppendList("add", tree.List(p.AddCapabilities))
	o := tree.Object{}
	if p.User.UID != 0 {
		o = append(o, tree.Field{Key: "runAsNonRoot", Value: true})
	}
	if !p.WritableRoot {
		o = append(o, tree.Field{Key: "readOnlyRootFilesystem", Value: true})
	}
	if !p.AllowPrivilegeEscalation {
		o = append(o, tree.Field{Key: "allowPrivilegeEscalation", Value: false})
	}
	return append(o, tree.Field{Key: "capabilities", Value: capabilities})
}

// UserSecurity returns the securityContext fields of user and seccomp, which a pod can have for all its containers.
func UserSecurity(p profile.Profile) tree.Object {
	o := tree.Object{}
	if p.User.UID != 0 {
		o = append(o, tree.Field{Key: "runAsNonRoot", Value: true})
	}
	return append(o,
		tree.Field{Key: "runAsUser", Value: p.User.UID},
		tree.Field{Key: "runAsGroup", Value: p.User.GID},
		tree.Field{Key: "seccompProfile", Value: runtimeDefault()})
}

func runtimeDefault() tree.Object {
	return tree.Object{{Key: "type", Value: string(corev1.SeccompProfileTypeRuntimeDefault)}}
}

// FullSecurity returns the whole securityContext of a container: user, seccomp, and the container's own fields. A seccomp
// profile on the node that the container has is kept; the existing context may be nil.
func FullSecurity(p profile.Profile, have *corev1.SecurityContext) tree.Object {
	user := UserSecurity(p)
	if have != nil && have.SeccompProfile != nil && have.SeccompProfile.LocalhostProfile != nil {
		user[len(user)-1].Value = tree.Object{
			{Key: "type", Value: string(have.SeccompProfile.Type)},
			{Key: "localhostProfile", Value: *have.SeccompProfile.LocalhostProfile},
		}
	}
	own := slices.DeleteFunc(ContainerSecurity(p), func(f tree.Field) bool { return f.Key == "runAsNonRoot" })
	full := slices.Concat(user, own)
	if have != nil && isTrue(have.Privileged) {
		full = append(full, tree.Field{Key: "privileged", Value: false})
	}
	return full
}

// PodSecurity returns the securityContext of a pod that has one container.
func PodSecurity(p profile.Profile) tree.Object {
	return append(UserSecurity(p), PodOnly(p.User.Groups, p.FSGroup, Sysctls(p.LowPorts, p.Ping))...)
}

// PodOnly returns the securityContext fields that only pods have. An fsGroup of 0 is none.
func PodOnly(groups []int64, fsGroup int64, sysctls []corev1.Sysctl) tree.Object {
	o := tree.Object{}.AppendList("supplementalGroups", tree.List(slices.Sorted(slices.Values(groups))))
	if fsGroup != 0 {
		o = append(o, tree.Field{Key: "fsGroup", Value: fsGroup})
	}
	items := make([]any, len(sysctls))
	for i, s := range sysctls {
		items[i] = sysctlItem(s)
	}
	return o.AppendList("sysctls", items)
}
