package cluster

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// claimSize is the size of the ephemeral volume in place of a claim: a run writes little.
const claimSize = "1Gi"

// volume returns a volume of the pod. Files become a secret of the run; a claim becomes an empty volume, since a run
// touches no data.
func (b *builder) volume(v target.Volume) corev1.Volume {
	out := corev1.Volume{Name: v.Name}
	switch v.Kind {
	case target.Files:
		out.Secret = b.files(v)
	case target.Host:
		out.HostPath = hostPath(v)
	case target.Claim:
		out.VolumeSource = claim(b.claimClass)
	case target.EmptyDir:
		out.EmptyDir = &corev1.EmptyDirVolumeSource{}
		if v.Medium == profile.Memory {
			out.EmptyDir.Medium = corev1.StorageMediumMemory
		}
	}
	return out
}

func claim(class string) corev1.VolumeSource {
	if class == "" {
		return corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
	}
	return corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{VolumeClaimTemplate: &corev1.PersistentVolumeClaimTemplate{
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: &class,
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(claimSize)}},
		},
	}}}
}

func hostPath(v target.Volume) *corev1.HostPathVolumeSource {
	kind := corev1.HostPathUnset
	if v.Creatable {
		kind = corev1.HostPathDirectoryOrCreate
	}
	return &corev1.HostPathVolumeSource{Path: v.Path, Type: &kind}
}

// files returns a volume of files, and puts their content into a secret of the pod.
func (b *builder) files(v target.Volume) *corev1.SecretVolumeSource {
	name := b.name + "-" + v.Name
	data := map[string][]byte{}
	source := &corev1.SecretVolumeSource{SecretName: name}
	for i, f := range v.Files {
		key := fmt.Sprintf("file-%d", i)
		mode := int32(f.Mode) //nolint:gosec // permission bits
		data[key] = f.Content
		source.Items = append(source.Items, corev1.KeyToPath{Key: key, Path: f.Path, Mode: &mode})
	}
	b.made.secrets[name] = data
	return source
}

func volumeMounts(mounts []target.VolumeMount) []corev1.VolumeMount {
	var out []corev1.VolumeMount
	for _, m := range mounts {
		out = append(out, corev1.VolumeMount{Name: m.Volume, MountPath: m.Path, SubPath: m.SubPath, ReadOnly: m.ReadOnly})
	}
	return out
}
