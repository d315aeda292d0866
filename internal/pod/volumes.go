package pod

import (
	"cmp"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// volumeReader reads the volumes and mounts of a pod.
type volumeReader struct {
	*source
	seeds map[string]profile.MountKind // of the volumes that init containers of an earlier seal prepare
	envs  map[string]*environment      // of the containers, by name
}

// mountsOf returns a container's mounts without those of an earlier seal. A folder that an init container of the seal fills
// with the image's content is left out, since the next seal finds it again. A folder that it only makes is an emptyDir.
func (r *volumeReader) mountsOf(c manifest.Container) []corev1.VolumeMount {
	var out []corev1.VolumeMount
	for _, m := range c.VolumeMounts {
		switch {
		case !r.bySeal(m):
			out = append(out, m)
		case r.seeds[m.Name] == profile.Owned:
			m.SubPath = ""
			out = append(out, m)
		}
	}
	return out
}

// bySeal reports whether an earlier seal made a mount.
func (r *volumeReader) bySeal(m corev1.VolumeMount) bool {
	return r.seeds[m.Name] != "" && m.SubPath == profile.SeedSubPath
}

// volumes returns the volumes of the pod that a container mounts: a kubelet makes no other.
func (r *volumeReader) volumes(mounted []corev1.VolumeMount) ([]target.Volume, error) {
	used := map[string]bool{}
	for _, m := range mounted {
		used[m.Name] = true
	}
	var out []target.Volume
	for i, v := range r.pod.Spec.Volumes {
		if !used[v.Name] {
			continue
		}
		delete(used, v.Name)
		if slices.Contains(r.pod.Claims, v.Name) { // a StatefulSet's claim takes the place of such a volume
			out = append(out, target.Volume{Name: v.Name, Kind: target.Claim})
			continue
		}
		made, err := r.volume(i, v)
		if err != nil {
			return nil, err
		}
		out = append(out, made)
	}
	for _, name := range r.pod.Claims {
		if used[name] {
			out = append(out, target.Volume{Name: name, Kind: target.Claim})
			delete(used, name)
		}
	}
	return out, nil
}

// volume translates one volume.
func (r *volumeReader) volume(i int, v corev1.Volume) (target.Volume, error) {
	out := target.Volume{Name: v.Name}
	s := v.VolumeSource
	switch {
	case s.EmptyDir != nil:
		out.Kind = target.EmptyDir
		out.Medium = r.medium(v)
	case s == (corev1.VolumeSource{}):
		out.Kind = target.EmptyDir // what the API server makes of a volume without a source
	case s.ConfigMap != nil, s.Secret != nil, s.Projected != nil, s.DownwardAPI != nil:
		files, err := r.files(i, v)
		if err != nil {
			return out, err
		}
		out.Kind, out.Files = target.Files, files
	case s.HostPath != nil:
		if !r.options.AllowHostPath {
			return out, r.failPod([]any{"volumes", i}, "volume %s of %s is the node's path %s: podseal mounts no path of this machine unless --allow-hostpath is set; leave the object out with --exclude %s/%s, or choose another with --select",
				v.Name, r.pod, s.HostPath.Path, r.pod.Kind, r.pod.Name)
		}
		if !path.IsAbs(s.HostPath.Path) {
			return out, r.failPod([]any{"volumes", i}, "volume %s of %s: the path %q on the node is not absolute", v.Name, r.pod, s.HostPath.Path)
		}
		out.Kind, out.Path, out.Declared = target.Host, path.Clean(s.HostPath.Path), r.declared([]any{"volumes", i})
		kind := s.HostPath.Type
		out.Creatable = kind == nil || *kind == corev1.HostPathUnset || *kind == corev1.HostPathDirectoryOrCreate
	case s.Image != nil:
		return out, r.failPod([]any{"volumes", i}, "volume %s of %s is the image %s: podseal cannot mount an image; copy its files into the container's own image, or seal the image instead of the manifest",
			v.Name, r.pod, s.Image.Reference)
	case s.PersistentVolumeClaim != nil:
		out.Kind = target.Claim
	case s.Ephemeral != nil:
		out.Kind = target.Claim
	default:
		out.Kind = target.Claim
		r.unsupported.add("volume " + v.Name + " is of the kind " + sourceKind(s) + ": an empty volume stands for it")
	}
	return out, nil
}

// medium returns an emptyDir's medium, and notes its unsupported fields.
func (r *volumeReader) medium(v corev1.Volume) profile.Medium {
	e := v.EmptyDir
	if e.SizeLimit != nil {
		r.unsupported.add("the sizeLimit of volume " + v.Name + " is not enforced")
	}
	if e.Mode != nil {
		r.unsupported.add("the mode of emptyDir " + v.Name + " is not set")
	}
	switch e.Medium {
	case corev1.StorageMediumDefault:
		return profile.Disk
	case corev1.StorageMediumMemory:
		return profile.Memory
	}
	r.unsupported.add("the medium " + string(e.Medium) + " of volume " + v.Name + " is not used: it is a folder on disk")
	return profile.Disk
}

// sourceKind returns the name of the field that says what a volume is.
func sourceKind(s corev1.VolumeSource) string {
	var fields map[string]json.RawMessage
	if data, err := json.Marshal(s); err != nil || json.Unmarshal(data, &fields) != nil || len(fields) == 0 {
		return "that only a cluster has"
	}
	return slices.Min(slices.Collect(maps.Keys(fields)))
}

// place gives each member its mounts.
func (r *volumeReader) place(members []target.Member, volumes []target.Volume) error {
	kinds, times := map[string]target.VolumeKind{}, map[string]int{}
	for _, v := range volumes {
		kinds[v.Name] = v.Kind
	}
	containers := inOrder(r.pod)
	for i, c := range containers {
		for _, m := range r.mountsOf(c) {
			made, err := r.mount(c, m, kinds)
			if err != nil {
				return err
			}
			times[made.Volume]++
			members[i].Target.Mounts = append(members[i].Target.Mounts, made)
		}
	}
	for i := range members {
		mounts := members[i].Target.Mounts
		slices.SortFunc(mounts, func(a, b target.VolumeMount) int { return cmp.Compare(a.Path, b.Path) })
		for k := range mounts {
			m := &mounts[k]
			m.Own = kinds[m.Volume] == target.EmptyDir && times[m.Volume] == 1 && m.SubPath == "" && !m.ReadOnly
			if k > 0 && m.Path == mounts[k-1].Path {
				return r.fail(containers[i], []any{"volumeMounts"}, "container %s of %s mounts two volumes at %s", members[i].Name, r.pod, m.Path)
			}
		}
	}
	return nil
}

// mount translates one mount.
func (r *volumeReader) mount(c manifest.Container, m corev1.VolumeMount, kinds map[string]target.VolumeKind) (target.VolumeMount, error) {
	at := slices.IndexFunc(c.VolumeMounts, func(have corev1.VolumeMount) bool { return have.MountPath == m.MountPath && have.Name == m.Name })
	field := []any{"volumeMounts", at}
	out := target.VolumeMount{Volume: m.Name, Path: path.Join("/", m.MountPath), ReadOnly: m.ReadOnly, SubPath: m.SubPath}
	kind, ok := kinds[m.Name]
	switch {
	case !ok:
		return out, r.fail(c, field, "container %s of %s mounts volume %q, which the pod does not have", memberName(c), r.pod, m.Name)
	case m.MountPath == "" || out.Path == "/":
		return out, r.fail(c, field, "container %s of %s mounts volume %s at %q, where nothing can be mounted", memberName(c), r.pod, m.Name, m.MountPath)
	case m.SubPath != "" && m.SubPathExpr != "":
		return out, r.fail(c, field, "container %s of %s mounts volume %s by subPath and by subPathExpr: a pod takes one of them", memberName(c), r.pod, m.Name)
	}
	if m.SubPathExpr != "" {
		out.SubPath = expand(m.SubPathExpr, r.envs[c.Name].get)
		if strings.Contains(out.SubPath, "$(") {
			return out, r.fail(c, field, "container %s of %s: subPathExpr %q has a variable that the container does not declare", memberName(c), r.pod, m.SubPathExpr)
		}
	}
	if path.IsAbs(out.SubPath) || slices.Contains(strings.Split(out.SubPath, "/"), "..") {
		return out, r.fail(c, field, "container %s of %s: subPath %q leaves the volume", memberName(c), r.pod, out.SubPath)
	}
	if out.SubPath != "" {
		if out.SubPath = path.Clean(out.SubPath); out.SubPath == "." {
			out.SubPath = ""
		}
	}
	out.ReadOnly = out.ReadOnly || kind == target.Files || r.claimReadOnly(m.Name)
	r.mountUnsupported(c, m)
	return out, nil
}

// claimReadOnly reports whether the pod asks for a claim read-only.
func (r *volumeReader) claimReadOnly(name string) bool {
	return slices.ContainsFunc(r.pod.Spec.Volumes, func(v corev1.Volume) bool {
		return v.Name == name && v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ReadOnly
	})
}
