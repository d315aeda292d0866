package podspec

import (
	"cmp"
	"path"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/tree"
)

// editMounts returns the edit of a container's volumeMounts: the profile's mounts, less those that the pod has already.
func (d *delta) editMounts(c Container, s Sealed) (tree.Items, error) {
	var edit tree.Items
	var fresh []profile.Mount
	for _, m := range s.Profile.Mounts {
		at := slices.IndexFunc(c.VolumeMounts, func(have corev1.VolumeMount) bool { return path.Clean(have.MountPath) == m.Path })
		if at < 0 {
			fresh = append(fresh, m)
			continue
		}
		change, err := d.reuse(c, s, m, c.VolumeMounts[at])
		if err != nil {
			return tree.Items{}, err
		}
		if len(change) > 0 {
			edit.Change(at, change)
		}
	}
	l, err := LayOut(fresh, d.seeding(c, s), d.volumeNames, d.containerNames)
	if err != nil {
		return tree.Items{}, fail(c, "container %s of %s: %v", c.Name, d.pod.Title, err)
	}
	edit.Append = l.Mounts
	d.Volumes.Append = append(d.Volumes.Append, l.Volumes...)
	d.Seeds = append(d.Seeds, l.Seeds...)
	return edit, nil
}

func (d *delta) seeding(c Container, s Sealed) Seeding {
	out := Seeding{Seeding: s.Profile.Seeding, AppImage: c.Image, Security: d.seedSecurity(c.SecurityContext, s.Profile), Resources: c.Resources}
	if out.Image == "" {
		out.PullPolicy = string(c.ImagePullPolicy)
	}
	return out
}

// seedSecurity returns the securityContext of the init containers of a container. It has the user, unless the pod has it
// for all its containers.
func (d *delta) seedSecurity(own *corev1.SecurityContext, p profile.Profile) tree.Object {
	if d.podLevel && (own == nil || own.RunAsUser == nil && own.RunAsGroup == nil && own.RunAsNonRoot == nil && own.SeccompProfile == nil) {
		return ContainerSecurity(p)
	}
	return FullSecurity(p, nil)
}

// reuse returns the least change of a volumeMount that lets it serve a mount of the profile.
func (d *delta) reuse(c Container, s Sealed, m profile.Mount, have corev1.VolumeMount) (tree.Object, error) {
	index := slices.IndexFunc(d.pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == have.Name })
	if index < 0 && !slices.Contains(d.pod.Claims, have.Name) {
		return nil, fail(c, "container %s of %s mounts volume %s at %s, but the pod has no such volume", c.Name, d.pod.Title, have.Name, have.MountPath)
	}
	var source corev1.VolumeSource
	if index >= 0 {
		source = d.pod.Spec.Volumes[index].VolumeSource
		if source == (corev1.VolumeSource{}) {
			source.EmptyDir = &corev1.EmptyDirVolumeSource{} // the API server's default
		}
	}
	if have.ReadOnly || source.ConfigMap != nil || source.Secret != nil || source.Projected != nil || source.DownwardAPI != nil || source.Image != nil {
		return nil, fail(c, "container %s of %s mounts volume %s read-only at %s, where the profile needs to write", c.Name, d.pod.Title, have.Name, have.MountPath)
	}
	if source.EmptyDir == nil {
		d.keep(c, m, have, "volume "+have.Name+" serves as it is")
		return nil, nil
	}
	d.editEmptyDir(index, source.EmptyDir, m)
	if !m.NeedsInit() {
		d.keep(c, m, have, "emptyDir "+have.Name+" serves")
		return nil, nil
	}
	return d.reuseForSeed(c, s, m, have)
}

// editEmptyDir gives an emptyDir of the pod the medium that a mount needs, and a size limit if it has none. Of the mounts
// of several containers, the largest limit counts.
func (d *delta) editEmptyDir(index int, have *corev1.EmptyDirVolumeSource, m profile.Mount) {
	var edit tree.Object
	if m.Medium == profile.Memory && have.Medium != corev1.StorageMediumMemory {
		edit = append(edit, tree.Field{Key: "medium", Value: string(corev1.StorageMediumMemory)})
	}
	if have.SizeLimit == nil && m.SizeLimit > d.sizeLimits[index] {
		d.sizeLimits[index] = m.SizeLimit
		edit = append(edit, tree.Field{Key: "sizeLimit", Value: sizeLimit(m.SizeLimit)})
	}
	if len(edit) > 0 {
		d.Volumes.Change(index, tree.Object{{Key: "emptyDir", Value: edit}})
	}
}

// reuseForSeed lets an emptyDir serve where the profile needs a folder that an init container makes.
func (d *delta) reuseForSeed(c Container, s Sealed, m profile.Mount, have corev1.VolumeMount) (tree.Object, error) {
	if seed, ok := d.pod.seedOf(m, have.Name); ok && have.SubPath == profile.SeedSubPath {
		if err := d.renewSeed(seed, c, s, m); err != nil {
			return nil, err
		}
		d.keep(c, m, have, "init container "+seed.Name+" fills it")
		return nil, nil
	}
	if m.Kind == profile.Seeded {
		d.keep(c, m, have, "the pod hides the image's content there with emptyDir "+have.Name+" already")
		return nil, nil
	}
	if have.SubPath != "" || have.SubPathExpr != "" || d.pod.shares(c.Name, have.Name) {
		return nil, fail(c, "container %s of %s needs a separate folder at %s, but volume %s is shared with others or mounted by subPath: add a volume for it",
			c.Name, d.pod.Title, m.Path, have.Name)
	}
	seed, err := d.seeding(c, s).container(m, have.Name, "", d.containerNames)
	if err != nil {
		return nil, fail(c, "container %s of %s: %v", c.Name, d.pod.Title, err)
	}
	d.Seeds = append(d.Seeds, seed)
	return tree.Object{{Key: "subPath", Value: profile.SeedSubPath}}, nil
}

// renewSeed updates an earlier seal's init container to the container's image and user.
func (d *delta) renewSeed(seed, c Container, s Sealed, m profile.Mount) error {
	var edit tree.Object
	want := d.seeding(c, s)
	fromVolume := slices.ContainsFunc(seed.VolumeMounts, func(v corev1.VolumeMount) bool { return v.MountPath == profile.SeedImagePath })
	if m.Kind == profile.Seeded && fromVolume != want.ImageVolume {
		return fail(seed, "init container %s of %s was written for another way to fill %s: remove it, and the mount, and seal again",
			seed.Name, d.pod.Title, m.Path)
	}
	if command := want.command(m); !slices.Equal(seed.Command, command) {
		edit = append(edit, tree.Field{Key: "command", Value: tree.Replaced(tree.List(command))})
	}
	if image := cmp.Or(want.Image, c.Image); seed.Image != image {
		edit = append(edit, tree.Field{Key: "image", Value: image})
	}
	if len(seed.Resources.Limits)+len(seed.Resources.Requests) == 0 {
		edit = edit.AppendObject("resources", resources(want.Resources))
	}
	edit = edit.AppendObject("securityContext", d.editSecurity(seed.SecurityContext, s.Profile))
	if len(edit) > 0 {
		d.Containers[seed.Name] = edit
	}
	return nil
}

// keep records a volume of the pod that serves.
func (d *delta) keep(c Container, m profile.Mount, have corev1.VolumeMount, why string) {
	d.Kept = append(d.Kept, Kept{Container: c.Name, Field: "volumeMounts " + m.Path, Have: have.Name, Why: why})
}
