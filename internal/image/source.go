package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Source is an image outside of an engine. It is read only as far as needed.
type Source struct {
	Facts Facts
	*LayerTree
	bytes *atomic.Int64
}

// BytesRead returns how many bytes of the image have been read: from a registry, the bodies of all answers; from a file,
// the uncompressed layers.
func (s *Source) BytesRead() int64 { return s.bytes.Load() }

// OpenRemote opens an image of a registry. The platform ("linux/arm64") chooses from an index; empty means linux on this
// machine's architecture. Credentials come from the usual keychain (docker login, podman login). The
// context bounds all later reads too.
func OpenRemote(ctx context.Context, ref, platform string) (*Source, error) {
	return openRemote(ctx, ref, platform, remote.DefaultTransport)
}

func openRemote(ctx context.Context, ref, platform string, transport http.RoundTripper) (*Source, error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return nil, fmt.Errorf("reading image reference %q: %w", ref, err)
	}
	counter := &countingTransport{next: transport, bytes: new(atomic.Int64)}
	desc, err := remote.Get(parsed, remote.WithContext(ctx), remote.WithTransport(counter),
		remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return nil, registryError(ctx, parsed, err)
	}
	var img v1.Image
	var attestations []v1.Descriptor
	var index v1.ImageIndex
	if desc.MediaType.IsIndex() {
		if index, err = desc.ImageIndex(); err == nil {
			img, attestations, err = pick(index, platform)
		}
	} else {
		img, err = desc.Image()
	}
	if err != nil {
		return nil, registryError(ctx, parsed, err)
	}
	s, err := newSource(img, ref, counter.bytes)
	if err != nil {
		return nil, registryError(ctx, parsed, err)
	}
	if err := s.ofPlatform(platform); err != nil {
		return nil, errors.Join(registryError(ctx, parsed, err), s.Close())
	}
	s.Facts.Digest = parsed.Context().Name() + "@" + desc.Digest.String()
	s.Facts.provenance = func() ([]Material, error) { return materials(index, attestations) }
	return s, nil
}

// Exists returns the configuration of an image of a registry. It reads the manifest and the config, no layer.
func Exists(ctx context.Context, ref, platform string) (*v1.ConfigFile, error) {
	s, err := OpenRemote(ctx, ref, platform)
	if err != nil {
		return nil, err
	}
	return s.Facts.Config, s.Close()
}

// OpenTarball opens an image of a file that docker save wrote. The tag chooses from a file of several images; empty
// means the only one. The platform must be the image's, if one is given.
func OpenTarball(path, tag, platform string) (*Source, error) {
	var chosen *name.Tag
	if tag != "" {
		t, err := name.NewTag(tag)
		if err != nil {
			return nil, fmt.Errorf("reading image reference %q: %w", tag, err)
		}
		chosen = &t
	}
	img, err := tarball.ImageFromPath(path, chosen)
	if err != nil {
		return nil, fmt.Errorf("reading image archive %s (is it the output of docker save?): %w", path, err)
	}
	s, err := local(img, path)
	if err != nil {
		return nil, err
	}
	if err := s.ofPlatform(platform); err != nil {
		return nil, errors.Join(fmt.Errorf("reading image archive %s: %w", path, err), s.Close())
	}
	return s, nil
}

// ofPlatform returns an error if the image is for another platform than the wanted one; empty accepts all.
func (s *Source) ofPlatform(platform string) error {
	if platform == "" {
		return nil
	}
	want, err := v1.ParsePlatform(platform)
	if err != nil {
		return fmt.Errorf("reading platform %q: %w", platform, err)
	}
	if got := s.Facts.Config.Platform(); got != nil && !got.Satisfies(*want) {
		return fmt.Errorf("it is for %s only, not for %s", s.Facts.Platform, platform)
	}
	return nil
}

// OpenLayout opens an image of an OCI layout folder. The platform chooses as in OpenRemote.
func OpenLayout(path, platform string) (*Source, error) {
	index, err := layout.ImageIndexFromPath(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not an OCI layout: it has no index.json", path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading OCI layout %s: %w", path, err)
	}
	img, attestations, err := pick(index, platform)
	if err != nil {
		return nil, fmt.Errorf("reading OCI layout %s: %w", path, err)
	}
	s, err := local(img, path)
	if err != nil {
		return nil, err
	}
	s.Facts.provenance = func() ([]Material, error) { return materials(index, attestations) }
	return s, nil
}

func local(img v1.Image, path string) (*Source, error) {
	bytes := new(atomic.Int64)
	s, err := newSource(img, path, bytes)
	if err != nil {
		return nil, fmt.Errorf("reading image %s: %w", path, err)
	}
	for i, open := range s.sources {
		s.sources[i] = func() (io.ReadCloser, error) {
			rc, err := open()
			if err != nil {
				return nil, err
			}
			return &countingBody{ReadCloser: rc, bytes: bytes}, nil
		}
	}
	return s, nil
}

func newSource(img v1.Image, ref string, bytes *atomic.Int64) (*Source, error) {
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the config: %w", err)
	}
	manifest, err := img.Manifest()
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, fmt.Errorf("reading the list of layers: %w", err)
	}
	tree, err := NewLayerTree(layers)
	if err != nil {
		return nil, err
	}
	facts := Facts{
		Ref: ref, ID: manifest.Config.Digest.String(), Config: config, Annotations: manifest.Annotations,
		Platform: strings.TrimSuffix(config.OS+"/"+config.Architecture+"/"+config.Variant, "/"),
	}
	return &Source{Facts: facts, LayerTree: tree, bytes: bytes}, nil
}

// defaultPlatform returns the platform that an engine on this machine would choose.
func defaultPlatform() string { return "linux/" + runtime.GOARCH }

// countingTransport counts the bytes of the bodies that are read through it.
type countingTransport struct {
	next  http.RoundTripper
	bytes *atomic.Int64
}

func (t *countingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &countingBody{ReadCloser: resp.Body, bytes: t.bytes}
	return resp, nil
}

type countingBody struct {
	io.ReadCloser
	bytes *atomic.Int64
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes.Add(int64(n))
	return n, err
}
