package referrer_test

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/podseal/podseal/internal/referrer"
)

// host starts a registry in the process, and returns its address.
func host(t *testing.T, referrers bool) string {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(referrers)))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func push(t *testing.T, ref string, img v1.Image) {
	t.Helper()
	at, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(at, img); err != nil {
		t.Fatal(err)
	}
}

func someImage(t *testing.T) v1.Image {
	t.Helper()
	img, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// TestAttach attaches seals, in registries with the API for referrers and without.
func TestAttach(t *testing.T) {
	for _, referrers := range []bool{true, false} {
		ref := host(t, referrers) + "/app:1"
		push(t, ref, someImage(t))
		img, err := referrer.Find(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		if none, err := img.Seals(t.Context()); err != nil || len(none) != 0 {
			t.Errorf("%v, %v", none, err)
		}
		var digests []string
		for _, text := range []string{"one", "two", "two"} {
			digest, err := img.Attach(t.Context(), []byte(text), "2026-01-31T12:00:00Z")
			if err != nil {
				t.Fatal(err)
			}
			digests = append(digests, digest)
		}
		if digests[1] != digests[2] || digests[0] == digests[1] {
			t.Errorf("the digests are %v", digests)
		}
		seals, err := img.Seals(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, s := range seals {
			texts = append(texts, string(s.Text))
			if s.Created != "2026-01-31T12:00:00Z" || !slices.Contains(digests, s.Digest) {
				t.Errorf("%+v", s)
			}
		}
		slices.Sort(texts)
		if !slices.Equal(texts, []string{"one", "two"}) {
			t.Errorf("with the API for referrers: %t: %q", referrers, texts)
		}
		// A new image under the tag has no seals.
		push(t, ref, someImage(t))
		if img, err = referrer.Find(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
		if other, err := img.Seals(t.Context()); err != nil || len(other) != 0 {
			t.Errorf("%v, %v", other, err)
		}
	}
}

// TestArtifactType makes sure that other tools see the type of a seal.
func TestArtifactType(t *testing.T) {
	ref := host(t, true) + "/app:1"
	push(t, ref, someImage(t))
	img, err := referrer.Find(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := img.Attach(t.Context(), []byte("seal"), "2026-01-31T12:00:00Z")
	if err != nil {
		t.Fatal(err)
	}
	at, err := name.NewDigest(strings.TrimSuffix(ref, ":1") + "@" + digest)
	if err != nil {
		t.Fatal(err)
	}
	artifact, err := remote.Image(at)
	if err != nil {
		t.Fatal(err)
	}
	m, err := artifact.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if m.ArtifactType != referrer.ArtifactType || m.Subject.Digest.String() != img.Digest || string(m.Config.MediaType) != referrer.ArtifactType {
		t.Errorf("%+v", m)
	}
}

// TestPlatforms knows an image of several platforms by the digests of each.
func TestPlatforms(t *testing.T) {
	ref := host(t, true) + "/app:1"
	a, b := someImage(t), someImage(t)
	at, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(at, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: a}, mutate.IndexAddendum{Add: b})); err != nil {
		t.Fatal(err)
	}
	img, err := referrer.Find(t.Context(), ref)
	if err == nil {
		img, err = img.WithPlatforms(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	config, err := b.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	if len(img.Configs) != 2 || !slices.Contains(img.Configs, config.String()) || len(img.Manifests) != 2 {
		t.Errorf("%+v", img)
	}
}

// TestRefusals words what a registry refuses.
func TestRefusals(t *testing.T) {
	closed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			return
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(closed.Close)
	for ref, want := range map[string]string{
		"A_B":                  "A_B is not an image reference",
		host(t, true) + "/a:1": "its registry has no such image: push it first",
		strings.TrimPrefix(closed.URL, "http://") + "/a:1": "its registry refuses it: log in with docker login",
	} {
		_, err := referrer.Find(t.Context(), ref)
		input := new(referrer.InputError)
		if !errors.As(err, &input) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", ref, err, want)
		}
	}
}
