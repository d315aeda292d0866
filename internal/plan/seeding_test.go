package plan_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/image"
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

// askedTree records the paths that a tree is asked for.
type askedTree struct {
	image.Tree
	asked []string
}

// Lookup implements image.Tree.
func (t *askedTree) Lookup(ctx context.Context, p string) (image.Entry, bool, error) {
	t.asked = append(t.asked, p)
	return t.Tree.Lookup(ctx, p)
}

// TestLacksLooksInUsualFolders: no folder that seldom has the programs is asked about where a usual one has them all.
func TestLacksLooksInUsualFolders(t *testing.T) {
	text := ""
	for _, name := range plan.SeedPrograms {
		text += "f 0755 0:0 /usr/bin/" + name + "\n"
	}
	files, err := image.ParseMemTree(text)
	if err != nil {
		t.Fatal(err)
	}
	tree := &askedTree{Tree: files}
	facts := image.Facts{Config: &v1.ConfigFile{Config: v1.Config{Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"}}}}
	lacks, err := plan.Lacks(t.Context(), facts, tree)
	if err != nil || len(lacks) > 0 {
		t.Errorf("Lacks = %v, %v", lacks, err)
	}
	elsewhere := func(p string) bool { return !profile.Within(p, "/usr/bin") && !profile.Within("/usr/bin", p) }
	if i := slices.IndexFunc(tree.asked, elsewhere); i >= 0 {
		t.Errorf("it was asked for %s", tree.asked[i])
	}
}
