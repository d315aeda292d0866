package gate

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/sealfile"
)

// Record returns the settings of a container and its pod that a seal depends on, besides its profile.
func Record(pod *manifest.Pod, c manifest.Container) sealfile.Manifest {
	return sealfile.Manifest{
		Command: c.Command, Args: c.Args, WorkingDir: c.WorkingDir,
		Volumes: volumes(pod, c), Seccomp: localhost(pod.Spec.SecurityContext, c.SecurityContext), Pod: recordPod(pod.Spec),
	}
}

// RecordNew returns the settings of the container of a Pod that was written for an image: the mounts of its profile are none
// of them.
func RecordNew(pod *manifest.Pod, c manifest.Container, p profile.Profile) sealfile.Manifest {
	m := Record(pod, c)
	m.Volumes = slices.DeleteFunc(m.Volumes, func(v sealfile.Volume) bool {
		_, own := p.Mount(v.Path)
		return own
	})
	if len(m.Volumes) == 0 {
		m.Volumes = nil
	}
	if m.WorkingDir == p.WorkingDir {
		m.WorkingDir = ""
	}
	m.Pod = sealfile.Pod{}
	return m
}

// volumes returns the volumes that a container mounts, sorted by path.
func volumes(pod *manifest.Pod, c manifest.Container) []sealfile.Volume {
	var out []sealfile.Volume
	for _, m := range c.VolumeMounts {
		out = append(out, volumeOf(pod, m))
	}
	slices.SortStableFunc(out, func(a, b sealfile.Volume) int { return strings.Compare(a.Path, b.Path) })
	return out
}

func volumeOf(pod *manifest.Pod, m corev1.VolumeMount) sealfile.Volume {
	v := sealfile.Volume{Path: path.Clean(m.MountPath), ReadOnly: m.ReadOnly, SubPath: cmp.Or(m.SubPath, m.SubPathExpr)}
	source, ok := sourceOf(pod, m.Name)
	if !ok {
		v.Kind = "missing"
		if slices.Contains(pod.Claims, m.Name) {
			v.Kind = "persistentVolumeClaim"
		}
		return v
	}
	v.Kind = sourceKind(source)
	if v.Kind == emptyDir {
		if e := source.EmptyDir; e != nil {
			v.Medium = string(e.Medium)
			if e.SizeLimit != nil {
				v.SizeLimit = fmt.Sprint(e.SizeLimit.Value())
			}
		}
	}
	return v
}

// sourceOf returns the source of a volume of the pod.
func sourceOf(pod *manifest.Pod, name string) (corev1.VolumeSource, bool) {
	for _, v := range pod.Spec.Volumes {
		if v.Name == name {
			return v.VolumeSource, true
		}
	}
	return corev1.VolumeSource{}, false
}

const emptyDir = "emptyDir"

// sourceKind returns the name of the field that says what a volume is. A volume without one is an emptyDir.
func sourceKind(s corev1.VolumeSource) string {
	for _, k := range []struct {
		is   bool
		name string
	}{
		{s.EmptyDir != nil, emptyDir},
		{s.ConfigMap != nil, "configMap"},
		{s.Secret != nil, "secret"},
		{s.Projected != nil, "projected"},
		{s.DownwardAPI != nil, "downwardAPI"},
		{s.PersistentVolumeClaim != nil, "persistentVolumeClaim"},
		{s.Ephemeral != nil, "ephemeral"},
		{s.HostPath != nil, "hostPath"},
		{s.CSI != nil, "csi"},
		{s.NFS != nil, "nfs"},
		{s.Image != nil, "image"},
		{s == corev1.VolumeSource{}, emptyDir},
	} {
		if k.is {
			return k.name
		}
	}
	return "another kind"
}

func recordPod(s corev1.PodSpec) sealfile.Pod {
	p := sealfile.Pod{
		HostNetwork: s.HostNetwork, HostPID: s.HostPID, HostIPC: s.HostIPC,
		ShareProcess: s.ShareProcessNamespace != nil && *s.ShareProcessNamespace,
	}
	if security := s.SecurityContext; security != nil {
		p.FSGroup = security.FSGroup
		p.Groups = slices.Compact(slices.Sorted(slices.Values(security.SupplementalGroups)))
		for _, c := range security.Sysctls {
			if p.Sysctls == nil {
				p.Sysctls = map[string]string{}
			}
			p.Sysctls[c.Name] = c.Value
		}
	}
	return p
}

// localhost returns the path of the Localhost seccomp profile that a container has; empty if it has none.
func localhost(pod *corev1.PodSecurityContext, own *corev1.SecurityContext) string {
	if s := seccomp(pod, own); s != nil && s.Type == corev1.SeccompProfileTypeLocalhost && s.LocalhostProfile != nil {
		return *s.LocalhostProfile
	}
	return ""
}

// seccomp returns the seccomp profile that counts for a container: its own, else its pod's.
func seccomp(pod *corev1.PodSecurityContext, own *corev1.SecurityContext) *corev1.SeccompProfile {
	if own != nil && own.SeccompProfile != nil {
		return own.SeccompProfile
	}
	if pod != nil {
		return pod.SeccompProfile
	}
	return nil
}
