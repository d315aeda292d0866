package referrer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// maxSeal is the size of the largest seal that is read.
const maxSeal = 16 << 20

// Image is an image in its registry.
type Image struct {
	Reference string // as it was given
	Digest    string // that it has now, "sha256:..."
	// Configs are the digests of the configurations of its platforms, and Manifests those of their manifests: an engine
	// knows an image that it did not pull by one of them.
	Configs, Manifests []string

	repository name.Repository
	subject    v1.Descriptor
}

// Attached is a seal file of an image.
type Attached struct {
	Digest  string // of the artifact
	Created string // the time that its annotation names; empty if it has none
	Text    []byte
}

// InputError is a reference that is none, or an image that its registry does not have.
type InputError struct{ Text string }

func (e *InputError) Error() string { return e.Text }

// UnavailableError is a registry that does not answer, or answers with a failure.
type UnavailableError struct{ text string }

func (e *UnavailableError) Error() string { return e.text }

func options(ctx context.Context) []remote.Option {
	return []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}
}

// Find asks the registry which image a reference names now.
func Find(ctx context.Context, reference string) (Image, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return Image{}, &InputError{fmt.Sprintf("%s is not an image reference: check its spelling", reference)}
	}
	desc, err := remote.Get(ref, options(ctx)...)
	if err != nil {
		return Image{}, failure("reading", reference, err)
	}
	return Image{
		Reference: reference, Digest: desc.Digest.String(), repository: ref.Context(), subject: desc.Descriptor,
	}, nil
}

// WithPlatforms returns the image with the digests of its platforms.
func (i Image) WithPlatforms(ctx context.Context) (Image, error) {
	at := i.repository.Digest(i.Digest)
	if !i.subject.MediaType.IsIndex() {
		img, err := remote.Image(at, options(ctx)...)
		if err != nil {
			return i, failure("reading", i.Reference, err)
		}
		return i.with(img)
	}
	index, err := remote.Index(at, options(ctx)...)
	if err != nil {
		return i, failure("reading", i.Reference, err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		return i, failure("reading", i.Reference, err)
	}
	for _, d := range list.Manifests {
		if !d.MediaType.IsImage() {
			continue
		}
		img, err := index.Image(d.Digest)
		if err != nil {
			return i, failure("reading", i.Reference, err)
		}
		if i, err = i.with(img); err != nil {
			return i, err
		}
	}
	return i, nil
}

// with adds the digests of one platform.
func (i Image) with(img v1.Image) (Image, error) {
	config, err := img.ConfigName()
	if err != nil {
		return i, failure("reading", i.Reference, err)
	}
	digest, err := img.Digest()
	if err != nil {
		return i, failure("reading", i.Reference, err)
	}
	i.Configs, i.Manifests = append(i.Configs, config.String()), append(i.Manifests, digest.String())
	return i, nil
}

// Attach pushes a seal file that refers to the image, and returns the digest of its artifact. A registry that does not know
// referrers keeps a list of them under a tag. Equal arguments give one artifact.
func (i Image) Attach(ctx context.Context, text []byte, created string) (string, error) {
	a, err := newArtifact(i.subject, text, created)
	if err != nil {
		return "", err
	}
	digest, err := a.Digest()
	if err != nil {
		return "", fmt.Errorf("describing the seal: %w", err)
	}
	if err := remote.Write(i.repository.Digest(digest.String()), a, options(ctx)...); err != nil {
		return "", failure("attaching a seal to", i.Reference, err)
	}
	return digest.String(), nil
}

// Seals returns the seal files that refer to the image, in the order of the registry.
func (i Image) Seals(ctx context.Context) ([]Attached, error) {
	index, err := remote.Referrers(i.repository.Digest(i.Digest), append(options(ctx), remote.WithFilter("artifactType", ArtifactType))...)
	if err != nil {
		return nil, failure("reading the seals of", i.Reference, err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		return nil, failure("reading the seals of", i.Reference, err)
	}
	var out []Attached
	for _, d := range list.Manifests {
		if d.ArtifactType != ArtifactType {
			continue
		}
		one, err := i.read(ctx, d)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// read reads one artifact. Its content is compared with its digests.
func (i Image) read(ctx context.Context, d v1.Descriptor) (Attached, error) {
	img, err := remote.Image(i.repository.Digest(d.Digest.String()), options(ctx)...)
	if err != nil {
		return Attached{}, failure("reading a seal of", i.Reference, err)
	}
	m, err := img.Manifest()
	if err != nil {
		return Attached{}, failure("reading a seal of", i.Reference, err)
	}
	if len(m.Layers) != 1 || m.Subject == nil || m.Subject.Digest != i.subject.Digest {
		return Attached{}, &InputError{fmt.Sprintf("image %s: the artifact %s is no seal of it: attach the seal again", i.Reference, d.Digest)}
	}
	layer, err := img.LayerByDigest(m.Layers[0].Digest)
	if err != nil {
		return Attached{}, failure("reading a seal of", i.Reference, err)
	}
	content, err := layer.Compressed()
	if err != nil {
		return Attached{}, failure("reading a seal of", i.Reference, err)
	}
	defer content.Close() //nolint:errcheck // of a reader
	text, err := io.ReadAll(io.LimitReader(content, maxSeal+1))
	switch {
	case err != nil:
		return Attached{}, failure("reading a seal of", i.Reference, err)
	case len(text) > maxSeal:
		return Attached{}, &InputError{fmt.Sprintf("image %s: its seal %s has more than %d bytes", i.Reference, d.Digest, maxSeal)}
	}
	return Attached{Digest: d.Digest.String(), Created: m.Annotations[annotationCreated], Text: text}, nil
}

// failure words an error of a registry.
func failure(doing, image string, err error) error {
	refused := new(transport.Error)
	if !errors.As(err, &refused) {
		return &UnavailableError{fmt.Sprintf("%s image %s: %v", doing, image, err)}
	}
	switch refused.StatusCode {
	case http.StatusNotFound:
		return &InputError{fmt.Sprintf("%s image %s: its registry has no such image: push it first", doing, image)}
	case http.StatusUnauthorized, http.StatusForbidden:
		return &InputError{fmt.Sprintf("%s image %s: its registry refuses it: log in with docker login", doing, image)}
	}
	why := http.StatusText(refused.StatusCode)
	for _, d := range refused.Errors {
		why = strings.TrimSpace(string(d.Code) + " " + d.Message)
	}
	return &UnavailableError{fmt.Sprintf("%s image %s: its registry answers %d: %s", doing, image, refused.StatusCode, why)}
}
