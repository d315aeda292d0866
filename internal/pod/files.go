package pod

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/target"
)

// fileMode is a file's mode where the pod gives none.
const fileMode = 0o644

// projection collects the files of one volume.
type projection struct {
	*source
	name  string // of the volume
	field []any
	mode  *int32 // defaultMode
	files map[string]target.VolumeFile
}

// files returns the files of a configMap, secret, downwardAPI or projected volume.
func (r *volumeReader) files(i int, v corev1.Volume) ([]target.VolumeFile, error) {
	p := &projection{source: r.source, name: v.Name, field: []any{"volumes", i}, files: map[string]target.VolumeFile{}}
	var err error
	switch {
	case v.ConfigMap != nil:
		p.mode = v.ConfigMap.DefaultMode
		err = p.object("ConfigMap", v.ConfigMap.Name, v.ConfigMap.Items, v.ConfigMap.Optional)
	case v.Secret != nil:
		p.mode = v.Secret.DefaultMode
		err = p.object("Secret", v.Secret.SecretName, v.Secret.Items, v.Secret.Optional)
	case v.DownwardAPI != nil:
		p.mode = v.DownwardAPI.DefaultMode
		err = p.downward(v.DownwardAPI.Items)
	default:
		p.mode = v.Projected.DefaultMode
		for _, s := range v.Projected.Sources {
			if err = p.addSource(s); err != nil {
				break
			}
		}
	}
	if err != nil {
		return nil, err
	}
	var out []target.VolumeFile
	for _, at := range slices.Sorted(maps.Keys(p.files)) {
		out = append(out, p.files[at])
	}
	return out, p.checkFolders(out)
}

// checkFolders refuses a file in whose place another one needs a folder.
func (p *projection) checkFolders(files []target.VolumeFile) error {
	for _, f := range files {
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			if _, both := p.files[dir]; both {
				return p.failPod(p.field, "volume %s of %s has a file %s and one below it, %s", p.name, p.pod, dir, f.Path)
			}
		}
	}
	return nil
}

// addSource adds the files of one source of a projected volume.
func (p *projection) addSource(s corev1.VolumeProjection) error {
	switch {
	case s.ConfigMap != nil:
		return p.object("ConfigMap", s.ConfigMap.Name, s.ConfigMap.Items, s.ConfigMap.Optional)
	case s.Secret != nil:
		return p.object("Secret", s.Secret.Name, s.Secret.Items, s.Secret.Optional)
	case s.DownwardAPI != nil:
		return p.downward(s.DownwardAPI.Items)
	case s.ServiceAccountToken != nil:
		p.unsupported.add("volume " + p.name + " holds a stand-in for the token of a service account")
		return p.add(cmp.Or(s.ServiceAccountToken.Path, "token"), []byte(standIn), nil)
	case s.ClusterTrustBundle != nil:
		p.unsupported.add("volume " + p.name + " holds a stand-in for a trust bundle of the cluster")
		return p.add(s.ClusterTrustBundle.Path, []byte(standIn), nil)
	case s.PodCertificate != nil:
		p.unsupported.add("volume " + p.name + " holds stand-ins for a certificate that the cluster makes")
		for _, at := range []string{s.PodCertificate.CredentialBundlePath, s.PodCertificate.KeyPath, s.PodCertificate.CertificateChainPath} {
			if at != "" {
				if err := p.add(at, []byte(standIn), nil); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// object adds the keys of a ConfigMap or Secret: all of them, or those that items name.
func (p *projection) object(kind, name string, items []corev1.KeyToPath, optional *bool) error {
	data, ok, err := p.objects.data(kind, p.pod.Namespace, name)
	if err != nil {
		return err
	}
	switch {
	case !ok && isTrue(optional):
		return nil
	case !ok && len(p.objects.Seed) > 0:
		return p.standIns(kind, name, items)
	case !ok:
		return p.failPod(p.field, "volume %s of %s holds %s %s, which is not in the input: give its file by --with FILE, or use --stand-ins", p.name, p.pod, kind, name)
	}
	if kind == "ConfigMap" && name == rootCA {
		p.unsupported.add("volume " + p.name + " holds a stand-in for the cluster's certificate, unless the input has ConfigMap " + rootCA)
	}
	if len(items) == 0 {
		for _, k := range slices.Sorted(maps.Keys(data)) {
			if err := p.add(k, data[k], nil); err != nil {
				return err
			}
		}
		return nil
	}
	for _, item := range items {
		content, has := data[item.Key]
		if !has && isTrue(optional) {
			continue
		}
		if !has {
			return p.failPod(p.field, "volume %s of %s holds the key %q of %s %s, which has no such key", p.name, p.pod, item.Key, kind, name)
		}
		if err := p.add(item.Path, content, item.Mode); err != nil {
			return err
		}
	}
	return nil
}

// standIns adds the files of a missing object: those that the pod names.
func (p *projection) standIns(kind, name string, items []corev1.KeyToPath) error {
	if len(items) == 0 {
		p.noteEmpty(kind, name, "volume "+p.name+" has no files of it")
	}
	for _, item := range items {
		content, _ := p.objects.standInFor(kind, p.pod.Namespace, name, item.Key)
		p.noteStandIn(kind, name, item.Key)
		if err := p.add(item.Path, content, item.Mode); err != nil {
			return err
		}
	}
	return nil
}

// downward adds the files of the downward API.
func (p *projection) downward(items []corev1.DownwardAPIVolumeFile) error {
	for _, item := range items {
		value := ""
		switch {
		case item.FieldRef != nil:
			var known bool
			if value, known = p.fieldFile(item.FieldRef.FieldPath); !known {
				return p.failPod(p.field, "volume %s of %s takes the field %q, which no file can have", p.name, p.pod, item.FieldRef.FieldPath)
			}
		case item.ResourceFieldRef != nil:
			var err error
			if value, err = p.resource(*item.ResourceFieldRef, manifest.Container{}); err != nil {
				return p.failPod(p.field, "volume %s of %s: %v", p.name, p.pod, err)
			}
		}
		if err := p.add(item.Path, []byte(value), item.Mode); err != nil {
			return err
		}
	}
	return nil
}

// staysInVolume reports whether a kubelet takes a path for a file in a volume: it is relative, has no "..", and does not start
// with two dots, as the kubelet's own files do.
func staysInVolume(at string) bool {
	clean := path.Clean(at)
	return clean != "." && !path.IsAbs(at) && !slices.Contains(strings.Split(at, "/"), "..") && !strings.HasPrefix(clean, "..")
}

// add adds a file. Of two with one path the later counts, as a kubelet has it.
func (p *projection) add(at string, content []byte, mode *int32) error {
	clean := path.Clean(at)
	if !staysInVolume(at) {
		return p.failPod(p.field, "volume %s of %s has a file at %q, which leaves the volume", p.name, p.pod, at)
	}
	m := int64(fileMode)
	switch {
	case mode != nil:
		m = int64(*mode)
	case p.mode != nil:
		m = int64(*p.mode)
	}
	if m < 0 || m > 0o777 {
		return p.failPod(p.field, "volume %s of %s gives its file %s the mode %o, but one is between 0 and 0777", p.name, p.pod, at, m)
	}
	p.files[clean] = target.VolumeFile{Path: clean, Content: content, Mode: m}
	return nil
}
