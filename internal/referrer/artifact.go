// Package referrer attaches seal files to images in their registries, as OCI referrers, and reads them again.
package referrer

import (
	"bytes"
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// ArtifactType is the type of a seal file in a registry, and the media type of its one layer. It is also the media type of its
// empty configuration: registries that do not know types of artifacts take that for it.
const ArtifactType = "application/vnd.podseal.seal.v1+yaml"

// emptyConfig is the configuration of an artifact that has none, as the OCI image specification has it.
var emptyConfig = []byte("{}")

// annotationCreated is the key of the time of an artifact.
const annotationCreated = "org.opencontainers.image.created"

// artifact is the manifest of a seal file, as the client of registries takes one.
type artifact struct {
	manifest v1.Manifest
	raw      []byte
	layer    v1.Layer
}

// newArtifact returns the manifest of a seal file that refers to a subject.
func newArtifact(subject v1.Descriptor, text []byte, created string) (*artifact, error) {
	layer := static.NewLayer(text, types.MediaType(ArtifactType))
	content, err := partial.Descriptor(layer)
	if err != nil {
		return nil, fmt.Errorf("describing the seal: %w", err)
	}
	config, size, err := v1.SHA256(bytes.NewReader(emptyConfig))
	if err != nil {
		return nil, fmt.Errorf("describing the seal: %w", err)
	}
	a := &artifact{layer: layer, manifest: v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: ArtifactType,
		Config: v1.Descriptor{MediaType: ArtifactType, Digest: config, Size: size},
		Layers: []v1.Descriptor{*content}, Subject: &v1.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size},
		Annotations: map[string]string{annotationCreated: created},
	}}
	if a.raw, err = json.Marshal(a.manifest); err != nil {
		return nil, fmt.Errorf("describing the seal: %w", err)
	}
	return a, nil
}

// The methods of v1.Image.

// Layers implements v1.Image.
func (a *artifact) Layers() ([]v1.Layer, error) { return []v1.Layer{a.layer}, nil }

// MediaType implements v1.Image.
func (a *artifact) MediaType() (types.MediaType, error) { return a.manifest.MediaType, nil }

// Size implements v1.Image.
func (a *artifact) Size() (int64, error) { return int64(len(a.raw)), nil }

// ConfigName implements v1.Image.
func (a *artifact) ConfigName() (v1.Hash, error) { return a.manifest.Config.Digest, nil }

// ConfigFile implements v1.Image.
func (a *artifact) ConfigFile() (*v1.ConfigFile, error) { return &v1.ConfigFile{}, nil }

// RawConfigFile implements v1.Image.
func (a *artifact) RawConfigFile() ([]byte, error) { return emptyConfig, nil }

// Digest implements v1.Image.
func (a *artifact) Digest() (v1.Hash, error) {
	h, _, err := v1.SHA256(bytes.NewReader(a.raw))
	return h, err //nolint:wrapcheck // cannot fail: it reads memory
}

// Manifest implements v1.Image.
func (a *artifact) Manifest() (*v1.Manifest, error) { return &a.manifest, nil }

// RawManifest implements v1.Image.
func (a *artifact) RawManifest() ([]byte, error) { return a.raw, nil }

// LayerByDigest implements v1.Image.
func (a *artifact) LayerByDigest(h v1.Hash) (v1.Layer, error) {
	if h == a.manifest.Config.Digest {
		return partial.ConfigLayer(a) //nolint:wrapcheck // of its own configuration
	}
	return a.layer, nil
}

// LayerByDiffID implements v1.Image.
func (a *artifact) LayerByDiffID(v1.Hash) (v1.Layer, error) { return a.layer, nil }
