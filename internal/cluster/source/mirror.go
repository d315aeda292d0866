package source

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	corev1 "k8s.io/api/core/v1"
)

// Mirror is a registry that has the images of another one.
type Mirror struct {
	// Of is the registry whose images the mirror has; empty for all.
	Of string
	// Prefix is HOST or HOST/PATH. It replaces the registry of a reference.
	Prefix string
}

// ParseMirror reads [REGISTRY=]HOST[/PATH].
func ParseMirror(text string) (Mirror, error) {
	of, prefix, ok := strings.Cut(text, "=")
	if !ok {
		of, prefix = "", text
	}
	prefix = strings.TrimSuffix(prefix, "/")
	host, _, _ := strings.Cut(prefix, "/")
	repository, err := name.NewRepository(prefix + "/image")
	if err != nil || repository.RegistryStr() != host || ok && of == "" || strings.Contains(prefix, "//") {
		return Mirror{}, fmt.Errorf("%q is no mirror: give HOST, HOST/PATH or REGISTRY=HOST/PATH, for example docker.io=mirror.example.com/hub", text)
	}
	if ok {
		registry, err := name.NewRegistry(of)
		if err != nil {
			return Mirror{}, fmt.Errorf("%q is no registry: %w", of, err)
		}
		of = registry.RegistryStr()
	}
	return Mirror{Of: of, Prefix: prefix}, nil
}

// Mirrors are where images are read and pulled from in place of their registries. The first that has a registry counts.
type Mirrors []Mirror

// Name returns the reference of an image in its mirror: the reference itself where no mirror has its registry.
func (m Mirrors) Name(ref string) string {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return ref
	}
	in := parsed.Context()
	at := slices.IndexFunc(m, func(one Mirror) bool { return one.Of == "" || one.Of == in.RegistryStr() })
	if at < 0 || strings.HasPrefix(in.Name(), m[at].Prefix+"/") {
		return ref
	}
	separator := ":"
	if _, pinned := parsed.(name.Digest); pinned {
		separator = "@"
	}
	return m[at].Prefix + "/" + in.RepositoryStr() + separator + parsed.Identifier()
}

// original returns a digest of a mirror as one of the registry that a reference names.
func original(ref, digest string) string {
	parsed, err := name.ParseReference(ref)
	_, hash, ok := strings.Cut(digest, "@")
	if err != nil || !ok {
		return digest
	}
	return parsed.Context().Name() + "@" + hash
}

// Rename makes a pod pull its images from mirrors.
func (m Mirrors) Rename(spec *corev1.PodSpec) {
	for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			list[i].Image = m.Name(list[i].Image)
		}
	}
	for _, v := range spec.Volumes {
		if v.Image != nil {
			v.Image.Reference = m.Name(v.Image.Reference)
		}
	}
}
