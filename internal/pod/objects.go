package pod

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
)

// Objects are the ConfigMaps and Secrets that pods refer to, by name. Of two with one name, the one that was added first
// counts.
type Objects struct {
	// Seed, if not empty, makes stand-ins for the objects that are missing: random values that follow from the seed.
	Seed []byte

	byName map[objectKey][]manifest.Object
}

type objectKey struct{ kind, name string }

// Add takes the ConfigMaps and Secrets of a file.
func (o *Objects) Add(f *manifest.File) {
	if o.byName == nil {
		o.byName = map[objectKey][]manifest.Object{}
	}
	for _, x := range f.Objects {
		if x.APIVersion == "v1" && (x.Kind == "ConfigMap" || x.Kind == "Secret") {
			k := objectKey{x.Kind, x.Name}
			o.byName[k] = append(o.byName[k], x)
		}
	}
}

// find looks an object up: in the pod's namespace, or where one of the two names none.
func (o *Objects) find(kind, namespace, name string) (manifest.Object, bool) {
	for _, x := range o.byName[objectKey{kind, name}] {
		if x.Namespace == namespace || x.Namespace == "" || namespace == "" {
			return x, true
		}
	}
	return manifest.Object{}, false
}

// data returns the content of a ConfigMap or Secret, by key; ok is false if there is no such object.
func (o *Objects) data(kind, namespace, name string) (data map[string][]byte, ok bool, err error) {
	x, ok := o.find(kind, namespace, name)
	if !ok {
		if kind == "ConfigMap" && name == rootCA {
			return map[string][]byte{"ca.crt": []byte(standIn)}, true, nil
		}
		return nil, false, nil
	}
	data = map[string][]byte{}
	if kind == "Secret" {
		var s corev1.Secret
		if err := x.Decode(&s); err != nil {
			return nil, true, fmt.Errorf("reading Secret %s: %w", name, err)
		}
		for k, v := range s.Data {
			data[k] = v
		}
		for k, v := range s.StringData {
			data[k] = []byte(v)
		}
		return data, true, nil
	}
	var m corev1.ConfigMap
	if err := x.Decode(&m); err != nil {
		return nil, true, fmt.Errorf("reading ConfigMap %s: %w", name, err)
	}
	for k, v := range m.BinaryData {
		data[k] = v
	}
	for k, v := range m.Data {
		data[k] = []byte(v)
	}
	return data, true, nil
}

const (
	// rootCA is the ConfigMap that every namespace of a cluster has.
	rootCA = "kube-root-ca.crt"
	// standIn is the content of a file that only a cluster can give.
	standIn = "podseal: a stand-in for what only a cluster gives\n"
)
