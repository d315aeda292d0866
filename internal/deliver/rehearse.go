package deliver

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/profile"
)

// placeholderID stands for the user and the group that no run has shown yet. Each seal writes both.
const placeholderID = 65532

// Rehearse delivers placeholder profiles into memory, to find before the first run what the input alone makes
// impossible. A placeholder holds only what every seal holds, less the exceptions that the user allows.
//
// The notes are about what only some seals hold: a mount may turn out to be needed in a place where none can be written.
func (o Options) Rehearse(inputs []Input, allow []string) (notes []string, err error) {
	least := func(c Container) profile.Profile { return placeholder(c, allow) }
	if _, err := o.render(withProfiles(inputs, least)); err != nil {
		return nil, manifest.Located(err)
	}
	strict := func(c Container) profile.Profile { return placeholder(c, nil) }
	for _, c := range o.companions(withProfiles(inputs, strict)) {
		if c.err != nil {
			return nil, fmt.Errorf("%s cannot be written: %w", c.file, manifest.Located(c.err))
		}
	}
	mounted := func(c Container) profile.Profile {
		return least(c).WithMount(profile.Mount{Path: "/tmp", Kind: profile.Plain})
	}
	if _, err := o.render(withProfiles(inputs, mounted)); err != nil {
		notes = append(notes, fmt.Sprintf("a mount, should one be needed, could not be written: %v", manifest.Located(err)))
	}
	return notes, nil
}

// withProfiles returns the inputs with outcomes as if each profile were proved.
func withProfiles(inputs []Input, choose func(Container) profile.Profile) []Input {
	out := slices.Clone(inputs)
	for i := range out {
		out[i].Containers = slices.Clone(out[i].Containers)
		for j, c := range out[i].Containers {
			o := &out[i].Containers[j].Outcome
			o.Profile, o.Proved, o.Traced, o.ConnectionsTraced = choose(c), true, true, true
		}
	}
	return out
}

// placeholder returns the profile that needs the least change of the manifest: it keeps the manifest's user unless that is
// root, and leaves alone what allow names.
func placeholder(c Container, allow []string) profile.Profile {
	p := profile.Profile{User: declaredUser(c)}
	if slices.Contains(allow, "runAsNonRoot") {
		p.User = profile.User{}
	}
	p.WritableRoot = slices.Contains(allow, "readOnlyRootFilesystem")
	p.AllowPrivilegeEscalation = slices.Contains(allow, "allowPrivilegeEscalation")
	for _, name := range added(c) {
		if slices.Contains(allow, "capabilities:"+name) {
			p = p.WithCapability(name)
		}
	}
	return p
}

// added returns the capabilities that the manifest adds to a container.
func added(c Container) []string {
	if c.Pod == nil {
		return nil
	}
	own, ok := c.Pod.Container(c.Name)
	if !ok || own.SecurityContext == nil || own.SecurityContext.Capabilities == nil {
		return nil
	}
	var out []string
	for _, name := range own.SecurityContext.Capabilities.Add {
		out = append(out, string(name))
	}
	return out
}

// declaredUser returns the user that the manifest names, unless it is root.
func declaredUser(c Container) profile.User {
	user := profile.User{UID: placeholderID, GID: placeholderID}
	if c.Pod == nil {
		return user
	}
	var pod corev1.PodSecurityContext
	if s := c.Pod.Spec.SecurityContext; s != nil {
		pod = *s
	}
	var own corev1.SecurityContext
	if container, ok := c.Pod.Container(c.Name); ok && container.SecurityContext != nil {
		own = *container.SecurityContext
	}
	for _, uid := range []*int64{pod.RunAsUser, own.RunAsUser} {
		if uid != nil && *uid != 0 {
			user.UID = *uid
		}
	}
	for _, gid := range []*int64{pod.RunAsGroup, own.RunAsGroup} {
		if gid != nil {
			user.GID = *gid
		}
	}
	return user
}
