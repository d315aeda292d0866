package emit

import (
	"cmp"
	"path"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/profile"
)

// mounts is the edit of a container's volumeMounts: the profile's mounts, less those that the pod has already.
func (w *wish) mounts(c manifest.Container, e Edit) (items, error) {
	var edit items
	var fresh []profile.Mount
	for _, m := range e.Profile.Mounts {
		at := slices.IndexFunc(c.VolumeMounts, func(have corev1.VolumeMount) bool { return path.Clean(have.MountPath) == m.Path })
		if at < 0 {
			fresh = append(fresh, m)
			continue
		}
		change, err := w.reuse(c, e, m, c.VolumeMounts[at])
		if err != nil {
			return items{}, err
		}
		if len(change) > 0 {
			edit.at = append(edit.at, itemEdit{at, change})
		}
	}
	l, err := layOut(fresh, w.seeding(c, e), w.seedSecurity(c, e), w.volumeNames, w.containerNames)
	if err != nil {
		return items{}, w.pod.Document.Fail(c.Node, "container %s of %s: %v", c.Name, w.pod, err)
	}
	edit.append = l.mounts
	slices.SortFunc(edit.at, func(a, b itemEdit) int { return a.index - b.index })
	w.volumes.append = append(w.volumes.append, l.volumes...)
	w.seeds = append(w.seeds, l.seeds...)
	return edit, nil
}

func (w *wish) seeding(c manifest.Container, e Edit) seeding {
	s := seeding{image: c.Image, Seeding: e.Profile.Seeding}
	if s.Image == "" {
		s.pullPolicy = string(c.ImagePullPolicy)
	}
	return s
}

// seedSecurity is the securityContext of the init containers of a container. The user stands there unless the pod says
// it for all its containers.
func (w *wish) seedSecurity(c manifest.Container, e Edit) object {
	security := containerSecurity(e.Profile)
	own := c.SecurityContext
	if w.podLevel && (own == nil || own.RunAsUser == nil && own.RunAsGroup == nil && own.RunAsNonRoot == nil && own.SeccompProfile == nil) {
		return security
	}
	security = slices.DeleteFunc(security, func(f field) bool { return f.key == "runAsNonRoot" })
	return append(userSecurity(e.Profile), security...)
}

// reuse lets an existing mount serve, with the least change to it.
func (w *wish) reuse(c manifest.Container, e Edit, m profile.Mount, have corev1.VolumeMount) (object, error) {
	doc := w.pod.Document
	index := slices.IndexFunc(w.pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == have.Name })
	if index < 0 && !slices.Contains(w.pod.Claims, have.Name) {
		return nil, doc.Fail(c.Node, "container %s of %s mounts volume %s at %s, but the pod has no such volume", c.Name, w.pod, have.Name, have.MountPath)
	}
	var source corev1.VolumeSource
	if index >= 0 {
		source = w.pod.Spec.Volumes[index].VolumeSource
		if source == (corev1.VolumeSource{}) {
			source.EmptyDir = &corev1.EmptyDirVolumeSource{} // what a volume without a source is
		}
	}
	if have.ReadOnly || source.ConfigMap != nil || source.Secret != nil || source.Projected != nil || source.DownwardAPI != nil || source.Image != nil {
		return nil, doc.Fail(c.Node, "container %s of %s mounts volume %s read-only at %s, where the profile needs to write", c.Name, w.pod, have.Name, have.MountPath)
	}
	if source.EmptyDir == nil {
		w.keep(c, m, have, "volume "+have.Name+" serves as it is")
		return nil, nil
	}
	if m.Medium == profile.Memory && source.EmptyDir.Medium != corev1.StorageMediumMemory {
		w.volumes.at = append(w.volumes.at, itemEdit{index, object{{"emptyDir", object{{"medium", "Memory"}}}}})
	}
	if !m.NeedsInit() {
		w.keep(c, m, have, "emptyDir "+have.Name+" serves")
		return nil, nil
	}
	return w.reuseForSeed(c, e, m, have)
}

// reuseForSeed handles an emptyDir where the profile wants a folder that an init container makes.
func (w *wish) reuseForSeed(c manifest.Container, e Edit, m profile.Mount, have corev1.VolumeMount) (object, error) {
	if seed, ok := w.seedOf(m, have.Name); ok && have.SubPath == profile.SeedSubPath {
		if err := w.renewSeed(seed, c, e, m); err != nil {
			return nil, err
		}
		w.keep(c, m, have, "init container "+seed.Name+" fills it")
		return nil, nil
	}
	if m.Kind == profile.Seeded {
		w.keep(c, m, have, "the pod hides the image's content there with emptyDir "+have.Name+" already")
		return nil, nil
	}
	if have.SubPath != "" || have.SubPathExpr != "" || w.shared(c, have.Name) {
		return nil, w.pod.Document.Fail(c.Node, "container %s of %s needs a folder of its own at %s, but volume %s is shared with others or mounted by subPath: give it a volume of its own",
			c.Name, w.pod, m.Path, have.Name)
	}
	seed, err := seedContainer(m, have.Name, "", w.seeding(c, e), w.seedSecurity(c, e), w.containerNames)
	if err != nil {
		return nil, err
	}
	w.seeds = append(w.seeds, seed)
	return object{{"subPath", profile.SeedSubPath}}, nil
}

// seedOf finds the init container of an earlier seal that makes a mount's folder in a volume.
func (w *wish) seedOf(m profile.Mount, volume string) (manifest.Container, bool) {
	for _, c := range w.pod.Containers {
		if c.Seed() && len(c.VolumeMounts) > 0 && c.VolumeMounts[0].Name == volume && c.VolumeMounts[0].MountPath == m.SeedVolumePath() {
			return c, true
		}
	}
	return manifest.Container{}, false
}

// renewSeed keeps an earlier seal's init container in step with the container's image and user.
func (w *wish) renewSeed(seed, c manifest.Container, e Edit, m profile.Mount) error {
	var edit object
	want := literalWords(e.Profile.Seeding.Command(m))
	fromVolume := slices.ContainsFunc(seed.VolumeMounts, func(v corev1.VolumeMount) bool { return v.MountPath == profile.SeedImagePath })
	if m.Kind == profile.Seeded && fromVolume != e.Profile.Seeding.ImageVolume {
		return w.pod.Document.Fail(seed.Node, "init container %s of %s was written for another way to fill %s: remove it, and the mount, and seal again",
			seed.Name, w.pod, m.Path)
	}
	if !slices.Equal(seed.Command, want) {
		edit = append(edit, field{"command", replaced(list(want))})
	}
	if image := cmp.Or(e.Profile.Seeding.Image, c.Image); seed.Image != image {
		edit = append(edit, field{"image", image})
	}
	if security := w.containerSecurity(seed, e); len(security) > 0 {
		edit = append(edit, field{"securityContext", security})
	}
	if len(edit) > 0 {
		w.containers[seed.Name] = edit
	}
	return nil
}

// shared tells whether another container mounts a volume too.
func (w *wish) shared(c manifest.Container, volume string) bool {
	for _, other := range w.pod.Containers {
		if other.Name != c.Name && slices.ContainsFunc(other.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == volume }) {
			return true
		}
	}
	return false
}

// keep notes what the manifest had already.
func (w *wish) keep(c manifest.Container, m profile.Mount, have corev1.VolumeMount, why string) {
	w.kept = append(w.kept, Change{
		Action: "kept", Line: c.Line, Container: c.Name, Field: c.List() + "." + c.Name + ".volumeMounts " + m.Path, Old: have.Name, Why: why,
	})
}
