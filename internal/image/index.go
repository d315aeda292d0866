package image

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Material is an image that a build used, as its provenance says.
type Material struct {
	Ref    string // "docker.io/library/debian:bookworm"
	Digest string // "sha256:..."; empty if not given
}

// Materials returns the images that the build of this one used, from the provenance that BuildKit attaches in a registry
// or a layout. It returns none for an image without provenance.
func (f Facts) Materials() ([]Material, error) {
	if f.provenance == nil {
		return nil, nil
	}
	return f.provenance()
}

// pick returns the image of a platform from an index, nested indexes included, and its attestations.
func pick(index v1.ImageIndex, platform string) (v1.Image, []v1.Descriptor, error) {
	if platform == "" {
		platform = defaultPlatform()
	}
	want, err := v1.ParsePlatform(platform)
	if err != nil {
		return nil, nil, fmt.Errorf("reading platform %q: %w", platform, err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, nil, err
	}
	var images []v1.Descriptor
	for _, d := range manifest.Manifests {
		if d.MediaType.IsIndex() {
			nested, err := index.ImageIndex(d.Digest)
			if err != nil {
				return nil, nil, err
			}
			if img, at, err := pick(nested, platform); err == nil {
				return img, at, nil
			}
		}
		if d.MediaType.IsImage() && d.Annotations["vnd.docker.reference.type"] == "" {
			images = append(images, d)
		}
	}
	chosen, ok := choose(images, *want)
	if !ok {
		return nil, nil, fmt.Errorf("it has no image for %s, only for %s: choose one with --platform", platform, platforms(images))
	}
	img, err := index.Image(chosen.Digest)
	if err != nil {
		return nil, nil, err
	}
	attestations := slices.DeleteFunc(slices.Clone(manifest.Manifests), func(d v1.Descriptor) bool {
		return d.Annotations["vnd.docker.reference.digest"] != chosen.Digest.String()
	})
	return img, attestations, nil
}

// choose returns the first image of the platform, or a single image that names no platform.
func choose(images []v1.Descriptor, want v1.Platform) (v1.Descriptor, bool) {
	if d, ok := first(images, func(d v1.Descriptor) bool { return d.Platform != nil && d.Platform.Satisfies(want) }); ok {
		return d, true
	}
	if len(images) == 1 && images[0].Platform == nil {
		return images[0], true
	}
	return v1.Descriptor{}, false
}

func platforms(images []v1.Descriptor) string {
	var out []string
	for _, d := range images {
		if d.Platform != nil {
			out = append(out, d.Platform.String())
		}
	}
	if len(out) == 0 {
		return "no platform that is named"
	}
	return strings.Join(out, ", ")
}

// statement is the part of an in-toto SLSA provenance, version 0.2 or 1, that names the materials.
type statement struct {
	Predicate struct {
		Materials       []material `json:"materials"`
		BuildDefinition struct {
			ResolvedDependencies []material `json:"resolvedDependencies"`
		} `json:"buildDefinition"`
	} `json:"predicate"`
}

type material struct {
	URI    string            `json:"uri"`
	Digest map[string]string `json:"digest"`
}

func materials(index v1.ImageIndex, attestations []v1.Descriptor) ([]Material, error) {
	var out []Material
	for _, d := range attestations {
		img, err := index.Image(d.Digest)
		if err != nil {
			return nil, fmt.Errorf("reading provenance: %w", err)
		}
		found, err := provenance(img)
		if err != nil {
			return nil, fmt.Errorf("reading provenance: %w", err)
		}
		out = append(out, found...)
	}
	return out, nil
}

func provenance(img v1.Image) ([]Material, error) {
	manifest, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	var out []Material
	for _, d := range manifest.Layers {
		if !strings.Contains(d.Annotations["in-toto.io/predicate-type"], "slsa.dev/provenance") || d.Size > 16*MaxRead {
			continue
		}
		l, err := img.LayerByDigest(d.Digest)
		if err != nil {
			return nil, err
		}
		rc, err := l.Compressed()
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(rc)
		if cerr := rc.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return nil, err
		}
		out = append(out, parseProvenance(data)...)
	}
	return out, nil
}

// parseProvenance returns the images among a provenance's materials, which are package URLs as in
// "pkg:docker/debian@bookworm?platform=linux%2Famd64". It returns none for JSON that cannot be read.
func parseProvenance(data []byte) []Material {
	var s statement
	if json.Unmarshal(data, &s) != nil {
		return nil
	}
	var out []Material
	for _, m := range append(s.Predicate.Materials, s.Predicate.BuildDefinition.ResolvedDependencies...) {
		ref, ok := strings.CutPrefix(m.URI, "pkg:docker/")
		if !ok {
			continue
		}
		ref, _, _ = strings.Cut(ref, "?")
		repo, tag, tagged := strings.Cut(ref, "@")
		if tagged {
			repo += ":" + tag
		}
		found := Material{Ref: repo}
		if hex := m.Digest["sha256"]; hex != "" {
			found.Digest = "sha256:" + hex
		}
		if !slices.Contains(out, found) {
			out = append(out, found)
		}
	}
	return out
}
