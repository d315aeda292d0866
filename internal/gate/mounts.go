package gate

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/sealfile"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// mounts compares the volumes that the container mounts with the mounts of the profile and those of the manifest that was
// sealed.
func (c *comparison) mounts() {
	for _, m := range c.Seal.Profile.Mounts {
		i := slices.IndexFunc(c.Container.VolumeMounts, func(v corev1.VolumeMount) bool { return path.Clean(v.MountPath) == m.Path })
		if i < 0 {
			c.report(placeOf(c.Pod, c.Container.Node, "volumeMounts"), profile.MountID(m.Path), "mount %s is missing, but the seal proves a writable folder there", m.Path)
			continue
		}
		c.mount(m, i)
	}
	for i, v := range c.Container.VolumeMounts {
		if _, own := c.Seal.Profile.Mount(v.MountPath); !own {
			c.otherMount(i)
		}
	}
	for _, v := range c.Seal.Manifest.Volumes {
		gone := !slices.ContainsFunc(c.Container.VolumeMounts, func(m corev1.VolumeMount) bool { return path.Clean(m.MountPath) == v.Path })
		if _, own := c.Seal.Profile.Mount(v.Path); gone && !own {
			c.report(placeOf(c.Pod, c.Container.Node, "volumeMounts"), profile.MountID(v.Path), "mount %s is missing, but the container was proved with a %s there", v.Path, v.Kind)
		}
	}
}

// mountAt returns the function that finds the place of a volumeMount.
func (c *comparison) mountAt(i int) func() place {
	return func() place { return itemPlace(c.Pod, c.Container.Node, "volumeMounts", i) }
}

// volumeAt returns the function that finds the place of a volume of the pod.
func (c *comparison) volumeAt(name string) func() place {
	return func() place {
		i := slices.IndexFunc(c.Pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == name })
		return itemPlace(c.Pod, c.Pod.Node, "volumes", max(i, 0))
	}
}

// recorded returns the volume that the manifest had at a path when it was sealed.
func (c *comparison) recorded(at string) (sealfile.Volume, bool) {
	i := slices.IndexFunc(c.Seal.Manifest.Volumes, func(v sealfile.Volume) bool { return v.Path == at })
	if i < 0 {
		return sealfile.Volume{}, false
	}
	return c.Seal.Manifest.Volumes[i], true
}

// mount compares a volumeMount with the mount of the profile that it serves.
func (c *comparison) mount(m profile.Mount, i int) {
	have := c.Container.VolumeMounts[i]
	now := volumeOf(c.Pod, have)
	before, own := c.recorded(m.Path)
	want := c.shared(have.Name, m)
	if own {
		want.Kind, want.SubPath, want.ReadOnly = before.Kind, before.SubPath, before.ReadOnly
		want.Medium, want.SizeLimit = cmp.Or(before.Medium, want.Medium), cmp.Or(before.SizeLimit, want.SizeLimit)
	}
	subject := profile.MountID(m.Path)
	if now.Kind != want.Kind {
		c.report(c.volumeAt(have.Name)(), subject, "mount %s is a volume of kind %s, but the seal proves kind %s", m.Path, now.Kind, want.Kind)
		return
	}
	if now.ReadOnly != want.ReadOnly {
		c.report(c.mountAt(i)(), subject, "mount %s is read-only: %t, but the seal proves %t", m.Path, now.ReadOnly, want.ReadOnly)
	}
	if want.Kind == emptyDir {
		c.differs(c.volumeAt(have.Name), subject+" medium", now.Medium, want.Medium)
		c.differs(c.volumeAt(have.Name), subject+" sizeLimit", now.SizeLimit, want.SizeLimit)
	}
	// The pod's own emptyDir hides what the image has there: it may serve as it is.
	asItIs := !m.NeedsInit() || own && now.SubPath == want.SubPath && (m.Kind == profile.Seeded || want.Kind != emptyDir)
	if asItIs {
		c.differs(c.mountAt(i), subject+" subPath", now.SubPath, want.SubPath)
		return
	}
	c.differs(c.mountAt(i), subject+" subPath", now.SubPath, profile.SeedSubPath)
	c.seed(m, have)
}

// shared returns the emptyDir that a mount needs, which others that are sealed may mount as well: the largest limit counts, and
// memory where one of them needs it.
func (c *comparison) shared(volume string, own profile.Mount) sealfile.Volume {
	want := sealfile.Volume{Kind: emptyDir, Medium: string(own.Medium)}
	limit := own.SizeLimit
	for _, peer := range c.peers {
		for _, v := range peer.Container.VolumeMounts {
			if m, ok := peer.Seal.Profile.Mount(v.MountPath); ok && v.Name == volume {
				limit, want.Medium = max(limit, m.SizeLimit), cmp.Or(want.Medium, string(m.Medium))
			}
		}
	}
	want.SizeLimit = limitText(limit)
	return want
}

func limitText(bytes int64) string {
	if bytes == 0 {
		return ""
	}
	return strconv.FormatInt(bytes, 10)
}

// otherMount compares a volumeMount that is no mount of the profile with what the manifest had when it was sealed.
func (c *comparison) otherMount(i int) {
	have := c.Container.VolumeMounts[i]
	now := volumeOf(c.Pod, have)
	before, known := c.recorded(now.Path)
	subject := profile.MountID(now.Path)
	switch {
	case known && now == before:
	case known:
		c.report(c.mountAt(i)(), subject, "mount %s is %s, but the container was proved with %s", now.Path, describe(now), describe(before))
	case c.Seal.Object == "" && readOnly(now):
		c.add(finding.Warning, finding.Manifest, c.mountAt(i)(), subject,
			fmt.Sprintf("mount %s is %s: the seal of the image was made without it; seal the manifest to prove it", now.Path, describe(now)))
	default:
		c.report(c.mountAt(i)(), subject, "mount %s is %s, but the container was proved without it", now.Path, describe(now))
	}
}

// readOnly reports whether a container can only read a volume.
func readOnly(v sealfile.Volume) bool {
	return v.ReadOnly || slices.Contains([]string{"configMap", "secret", "projected", "downwardAPI", "image"}, v.Kind)
}

// describe words a volume for a message.
func describe(v sealfile.Volume) string {
	s := "a volume of kind " + v.Kind
	if v.ReadOnly {
		s += ", read-only"
	}
	if v.SubPath != "" {
		s += ", subPath " + v.SubPath
	}
	if v.Medium != "" {
		s += ", medium " + v.Medium
	}
	if v.SizeLimit != "" {
		s += ", sizeLimit " + v.SizeLimit
	}
	return s
}

// seed compares the init container that makes the folder of a mount.
func (c *comparison) seed(m profile.Mount, mount corev1.VolumeMount) {
	subject := "init container of mount " + m.Path
	i := slices.IndexFunc(c.Pod.Containers, func(s manifest.Container) bool {
		return s.Init && slices.ContainsFunc(s.VolumeMounts, func(v corev1.VolumeMount) bool {
			return v.Name == mount.Name && path.Clean(v.MountPath) == m.SeedVolumePath()
		})
	})
	if i < 0 {
		c.report(placeOf(c.Pod, c.Pod.Node, "initContainers"), subject, "%s is missing, but the seal proves one that makes the folder", subject)
		return
	}
	seed := c.Pod.Containers[i]
	at := func(key string) func() place { return func() place { return placeOf(c.Pod, seed.Node, key) } }
	if !slices.Equal(seed.Command, podspec.Literals(c.Seal.Profile.Seeding.Command(m))) || len(seed.Args) > 0 {
		c.report(at("command")(), subject, "the command of %s differs from the one that the seal proves", subject)
	}
	if want := cmp.Or(c.Seal.Profile.Seeding.Image, c.Container.Image); parseImage(seed.Image) != parseImage(want) {
		c.report(at("image")(), subject+" image", "%s runs %s, but has to run %s", subject, seed.Image, want)
	}
	if c.Container.Init && seed.Index > c.Container.Index {
		c.report(at("name")(), subject, "%s starts after container %s, which needs the folder", subject, c.Container.Name)
	}
	c.imageVolume(m, seed, subject)
	c.security(seed, subject+" ")
}

// imageVolume compares the volume from which an init container copies the image's content.
func (c *comparison) imageVolume(m profile.Mount, seed manifest.Container, subject string) {
	if m.Kind != profile.Seeded || !c.Seal.Profile.Seeding.ImageVolume {
		return
	}
	have := ""
	for _, v := range seed.VolumeMounts {
		source, ok := sourceOf(c.Pod, v.Name)
		if ok && source.Image != nil && path.Clean(v.MountPath) == profile.SeedImagePath {
			have = source.Image.Reference
		}
	}
	c.differs(func() place { return placeOf(c.Pod, seed.Node, "volumeMounts") }, subject+" image volume", have, c.Container.Image)
}
