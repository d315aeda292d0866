package composefile

import (
	"fmt"
	"os"
	"path"
	"unicode/utf8"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// maxFile is the size of a ConfigMap's content.
const maxFile = 1 << 20

// volumes adds the mounts of a service, and their volumes.
func (c *converter) volumes(s types.ServiceConfig, out *corev1.Container) error {
	for i, v := range s.Volumes {
		if err := c.volume(s, i, v, out); err != nil {
			return err
		}
	}
	for i, at := range s.Tmpfs {
		name := fmt.Sprintf("%s-tmpfs-%d", out.Name, i)
		c.addVolume(name, corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory}})
		out.VolumeMounts = append(out.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: before(at, ':')})
	}
	for _, ref := range s.Configs {
		if err := c.file("config", types.FileReferenceConfig(ref), types.FileObjectConfig(c.project.Configs[ref.Source]), "/"+ref.Source, out); err != nil {
			return err
		}
	}
	for _, ref := range s.Secrets {
		if err := c.file("secret", types.FileReferenceConfig(ref), types.FileObjectConfig(c.project.Secrets[ref.Source]), "/run/secrets/"+ref.Source, out); err != nil {
			return err
		}
	}
	return nil
}

func before(s string, sep byte) string {
	for i := range len(s) {
		if s[i] == sep {
			return s[:i]
		}
	}
	return s
}

// volume adds one mount. A file of the host becomes a ConfigMap: a pod has it wherever it runs.
func (c *converter) volume(s types.ServiceConfig, i int, v types.ServiceVolumeConfig, out *corev1.Container) error {
	name := fmt.Sprintf("%s-%d", out.Name, i)
	mount := corev1.VolumeMount{Name: name, MountPath: v.Target, ReadOnly: v.ReadOnly}
	switch v.Type {
	case types.VolumeTypeVolume:
		if v.Source != "" {
			mount.Name = "volume-" + objectName(v.Source)
		}
		c.addVolume(mount.Name, corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: objectName(mount.Name)}})
	case types.VolumeTypeTmpfs:
		c.addVolume(name, corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory}})
	case types.VolumeTypeBind:
		st, err := os.Stat(v.Source)
		if err == nil && st.Mode().IsRegular() && st.Size() <= maxFile {
			data, err := c.read(v.Source)
			if err != nil {
				return fmt.Errorf("reading the file that it mounts at %s: %w", v.Target, err)
			}
			c.addFile(name, path.Base(v.Target), data, false)
			mount.SubPath, mount.ReadOnly = path.Base(v.Target), true
			break
		}
		c.addVolume(name, corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: v.Source}})
	default:
		c.note(s.Name, "the volume at %s of type %s is left out", v.Target, v.Type)
		return nil
	}
	out.VolumeMounts = append(out.VolumeMounts, mount)
	return nil
}

// file adds a config or a secret.
func (c *converter) file(kind string, ref types.FileReferenceConfig, object types.FileObjectConfig, usual string, out *corev1.Container) error {
	at := usual
	if ref.Target != "" {
		at = ref.Target
		if !path.IsAbs(at) {
			at = path.Join(path.Dir(usual), at)
		}
	}
	name := kind + "-" + objectName(ref.Source)
	key := path.Base(at)
	data, known, err := c.content(object)
	if err != nil {
		return fmt.Errorf("reading %s %s: %w", kind, ref.Source, err)
	}
	switch {
	case known:
		c.addFile(name, key, data, kind == "secret")
	case kind == "secret":
		c.addVolume(name, corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: name, Items: []corev1.KeyToPath{{Key: key, Path: key}}}})
	default:
		c.addVolume(name, corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: name}, Items: []corev1.KeyToPath{{Key: key, Path: key}},
		}})
	}
	out.VolumeMounts = append(out.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: at, SubPath: key, ReadOnly: true})
	return nil
}

// content returns the content of a config or secret; known is false for one that is kept elsewhere.
func (c *converter) content(o types.FileObjectConfig) (data []byte, known bool, err error) {
	switch {
	case o.Content != "":
		return []byte(o.Content), true, nil
	case o.Environment != "":
		return []byte(c.project.Environment[o.Environment]), true, nil
	case o.File != "":
		data, err = c.read(o.File)
		return data, true, err
	}
	return nil, false, nil
}

func (c *converter) addVolume(name string, source corev1.VolumeSource) {
	for _, v := range c.pod.Spec.Volumes {
		if v.Name == name {
			return
		}
	}
	c.pod.Spec.Volumes = append(c.pod.Spec.Volumes, corev1.Volume{Name: name, VolumeSource: source})
}

// addFile adds a ConfigMap or a Secret with one file, and its volume.
func (c *converter) addFile(name, key string, data []byte, secret bool) {
	meta := metav1.ObjectMeta{Name: name}
	if secret {
		c.addVolume(name, corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: name}})
		c.addObject(name, &corev1.Secret{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: meta, Data: map[string][]byte{key: data}})
		return
	}
	c.addVolume(name, corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}})
	m := &corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: meta}
	if utf8.Valid(data) {
		m.Data = map[string]string{key: string(data)}
	} else {
		m.BinaryData = map[string][]byte{key: data}
	}
	c.addObject(name, m)
}

// addObject adds an object once; the key of a shared config is that of its first use.
func (c *converter) addObject(name string, o metav1.Object) {
	for _, have := range c.objects {
		if h, ok := have.(metav1.Object); ok && h.GetName() == name {
			return
		}
	}
	c.objects = append(c.objects, o)
}
