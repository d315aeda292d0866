package seals_test

import (
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/sealfile"
	"github.com/podseal/podseal/internal/seals"
	"github.com/podseal/podseal/internal/target"
)

// pushed pushes a random image to a registry in the process. It returns its reference, its digest, and that of its configuration.
func pushed(t *testing.T) (ref, digest, config string) {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true)))
	t.Cleanup(s.Close)
	ref = strings.TrimPrefix(s.URL, "http://") + "/shop/web:1"
	digest, config = push(t, ref)
	return ref, digest, config
}

func push(t *testing.T, ref string) (digest, config string) {
	t.Helper()
	img, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	at, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(at, img); err != nil {
		t.Fatal(err)
	}
	return hash(t, img.Digest), hash(t, img.ConfigName)
}

func hash(t *testing.T, of func() (v1.Hash, error)) string {
	t.Helper()
	h, err := of()
	if err != nil {
		t.Fatal(err)
	}
	return h.String()
}

// sealOf returns the seal of an image as a vendor makes it.
func sealOf(image sealfile.Image, date string, uid int64) sealfile.Entry {
	return sealfile.Entry{File: "web.seal.yaml", Line: 2, Seal: sealfile.Seal{
		Version: sealfile.Version, Verdict: "sealed", Image: image, Restart: "commands", Run: sealfile.Run{Date: date},
		Commands: sealfile.NewCommands(target.Target{}, nil), Profile: profile.Profile{User: profile.User{UID: uid, GID: uid}},
	}}
}

// TestAttachedSeal attaches seals to an image, and checks a manifest against the newest.
func TestAttachedSeal(t *testing.T) {
	ref, digest, config := pushed(t)
	// The vendor sealed the image before it was pushed, when it had another name and no digest.
	local := sealfile.Image{Reference: "web:build", ID: config}
	for _, e := range []sealfile.Entry{
		sealOf(local, "2026-03-01T12:00:00Z", 7), sealOf(sealfile.Image{Reference: ref, Digest: digest}, "2026-02-01T12:00:00Z", 8),
	} {
		subject, artifact, err := seals.NewRegistry(t.Context()).Attach([]sealfile.Entry{e}, ref)
		if err != nil || subject != digest || !strings.HasPrefix(artifact, "sha256:") {
			t.Fatalf("%s, %s, %v", subject, artifact, err)
		}
	}
	source := strings.ReplaceAll(twoSealed, "app:1", ref)
	source = strings.ReplaceAll(strings.ReplaceAll(source, "User: 5", "User: 7"), "Group: 5", "Group: 7")
	f, err := manifest.Parse("p.yaml", []byte(source), "")
	if err != nil {
		t.Fatal(err)
	}
	targets, err := f.Select("", "one")
	if err != nil {
		t.Fatal(err)
	}
	pairs, err := seals.NewRegistry(t.Context()).Pairs(targets)
	if err != nil {
		t.Fatal(err)
	}
	if e := pairs[0].Seal; e == nil || e.Profile.User.UID != 7 || e.Image.Digest != digest || e.Attached != ref+"@"+digest {
		t.Fatalf("%+v", e)
	}
	_, found := seals.Check([]seals.Subject{{Targets: targets, Pairs: pairs}}, seals.Options{})
	if len(found) > 0 {
		t.Errorf("a manifest that carries the seal of its image, which the registry confirms: %s", findingsText(found))
	}
	// The tag moves to an image without a seal.
	push(t, ref)
	if pairs, err = seals.NewRegistry(t.Context()).Pairs(targets); err != nil {
		t.Fatal(err)
	}
	_, found = seals.Check([]seals.Subject{{Targets: targets, Pairs: pairs}}, seals.Options{})
	if len(found) != 1 || found[0].Rule != finding.MissingSeal {
		t.Errorf("a tag that moved: %s", findingsText(found))
	}
}

// TestAttachRefused refuses a seal of another image.
func TestAttachRefused(t *testing.T) {
	ref, digest, _ := pushed(t)
	other := sealOf(sealfile.Image{Reference: "web", ID: "sha256:11"}, "2026-03-01T12:00:00Z", 7)
	_, _, err := seals.NewRegistry(t.Context()).Attach([]sealfile.Entry{other}, ref)
	if err == nil || !strings.Contains(err.Error(), "web.seal.yaml:2: the seal proves sha256:11, but "+ref+" is "+digest+" in its registry") {
		t.Error(err)
	}
}
