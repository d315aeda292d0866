package plan_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
)

// TestChooseSeeding chooses what init containers run in, given the "offer" (lines "image NAME", "lacks PROGRAMS", "image
// volumes"), and says why mounts of each kind cannot be made.
func TestChooseSeeding(t *testing.T) {
	goldens(t, "seeding", func(t *testing.T, a *txtar.Archive, in plan.Input) string {
		var offer plan.SeedOffer
		for line := range strings.Lines(golden.Section(a, "offer")) {
			word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			switch {
			case word == "image" && rest == "volumes":
				offer.ImageVolumes = true
			case word == "image":
				offer.Image = rest
			case word == "lacks":
				offer.Lacks = strings.Fields(rest)
			}
		}
		s, err := plan.ChooseSeeding(context.Background(), in.Facts, in.Tree, offer)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		fmt.Fprintf(&b, "image %q as a volume %v\nwhy: %s\n", s.Profile.Image, s.Profile.ImageVolume, s.Why)
		for _, kind := range []profile.MountKind{profile.Plain, profile.Owned, profile.Seeded} {
			fmt.Fprintf(&b, "%s: %s\n", kind, s.Cannot(profile.Mount{Path: "/srv", Kind: kind}))
		}
		return b.String()
	})
}
