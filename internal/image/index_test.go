package image_test

import (
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/podseal/podseal/internal/image"
)

// layoutOf writes an OCI layout of the images of an index and returns its folder.
func layoutOf(t *testing.T, index v1.ImageIndex) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "layout")
	if _, err := layout.Write(dir, index); err != nil {
		t.Fatal(err)
	}
	return dir
}

// named returns an addendum for an image that has a user, by which tests recognise it; no platform if arch is empty.
func named(t *testing.T, user, arch string) mutate.IndexAddendum {
	t.Helper()
	a := mutate.IndexAddendum{Add: imageOf(t, v1.Config{User: user}, layerOf(t, h{name: user, body: user}))}
	if arch != "" {
		a.Descriptor = v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}
	}
	return a
}

// TestChoiceFromAnIndex takes the image of the platform, from nested indexes too, or a single one without a platform.
func TestChoiceFromAnIndex(t *testing.T) {
	nested := mutate.IndexAddendum{Add: mutate.AppendManifests(empty.Index, named(t, "inner", "arm64"), named(t, "inner2", "riscv64"))}
	for _, c := range []struct {
		name, platform, want string
		of                   []mutate.IndexAddendum
	}{
		{"the nested one", "linux/arm64", "inner", []mutate.IndexAddendum{nested, named(t, "outer", "amd64")}},
		{"one after an index without it", "linux/amd64", "outer", []mutate.IndexAddendum{nested, named(t, "outer", "amd64")}},
		{"the first of two", "linux/amd64", "one", []mutate.IndexAddendum{named(t, "one", "amd64"), named(t, "two", "amd64")}},
		{"a single one without a platform", "linux/arm64", "any", []mutate.IndexAddendum{named(t, "any", "")}},
		{"a single one of another platform", "linux/arm64", "", []mutate.IndexAddendum{named(t, "other", "amd64")}},
		{"two without a platform", "linux/arm64", "", []mutate.IndexAddendum{named(t, "any", ""), named(t, "any2", "")}},
		{"none", "linux/arm64", "", nil},
	} {
		s, err := image.OpenLayout(layoutOf(t, mutate.AppendManifests(empty.Index, c.of...)), c.platform)
		if c.want == "" {
			if err == nil || !strings.Contains(err.Error(), "no image for linux/arm64") {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := s.Facts.Config.Config.User; got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		_ = s.Close()
	}
}

// TestProvenance reads the materials of SLSA statements only, each once.
func TestProvenance(t *testing.T) {
	main := named(t, "app", "amd64")
	digest, err := main.Add.Digest()
	if err != nil {
		t.Fatal(err)
	}
	statement := func(predicate, text string) mutate.Addendum {
		return mutate.Addendum{Layer: static.NewLayer([]byte(text), "application/vnd.in-toto+json"), Annotations: map[string]string{"in-toto.io/predicate-type": predicate}}
	}
	const debian, alpine = `{"predicate":{"materials":[{"uri":"pkg:docker/debian"},{"uri":"pkg:docker/debian"}]}}`, `{"predicate":{"materials":[{"uri":"pkg:docker/alpine"}]}}`
	attestation, err := mutate.Append(empty.Image, statement("https://spdx.dev/Document", alpine),
		statement("https://slsa.dev/provenance/v1", debian), statement("https://slsa.dev/provenance/v1", "no JSON"))
	if err != nil {
		t.Fatal(err)
	}
	about := func(digest string) mutate.IndexAddendum {
		return mutate.IndexAddendum{Add: attestation, Descriptor: v1.Descriptor{MediaType: types.OCIManifestSchema1, Annotations: map[string]string{
			"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": digest,
		}}}
	}
	for of, want := range map[string]int{digest.String(): 1, "sha256:" + strings.Repeat("0", 64): 0} {
		s, err := image.OpenLayout(layoutOf(t, mutate.AppendManifests(empty.Index, main, about(of))), "linux/amd64")
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Facts.Materials()
		if err != nil || len(got) != want || want > 0 && got[0] != (image.Material{Ref: "debian"}) {
			t.Errorf("materials %v, %v, want %d", got, err, want)
		}
		_ = s.Close()
	}
}
