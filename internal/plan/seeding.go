package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// SeedOffer is what a user offers for images that have no shell to make or fill a mount with.
type SeedOffer struct {
	Image string // as a manifest names it; empty where none is offered
	// Lacks are the programs among SeedPrograms that it has not.
	Lacks []string
	// ImageVolumes says that the cluster mounts images as volumes.
	ImageVolumes bool
}

// SeedPrograms are all programs that an init container of podseal may run.
var SeedPrograms = []string{"sh", "rm", "mkdir", "cp", "chmod", "mv"}

// Seeding is how the init containers of owned and seeded mounts run, and which of them cannot.
type Seeding struct {
	Profile profile.Seeding
	// Why says how it was chosen; empty for the image's own shell, of which there is nothing to say.
	Why   string
	lacks []string // programs that it has not
	// blind tells that it has a shell, but does not see the content of the application's image.
	blind bool
	own   string // what the application's image lacks, in words
}

// SeedField is the name of a profile's Seeding in a Reason.
const SeedField = "initContainers"

// ChooseSeeding chooses what init containers run in: the application's own image where it has the programs, since then
// no second image has to be trusted and kept up to date; else the image that the user offers, with the application's
// image as a volume where the cluster has such volumes.
func ChooseSeeding(ctx context.Context, facts image.Facts, tree image.Tree, offer SeedOffer) (Seeding, error) {
	lacks, err := Lacks(ctx, facts, tree)
	if err != nil {
		return Seeding{}, err
	}
	own := "the image has no " + strings.Join(lacks, ", ")
	switch {
	case len(lacks) == 0 && offer.Image != "":
		return Seeding{Why: "the image's own programs: it has a shell, so that " + offer.Image + " is not needed"}, nil
	case offer.Image == "":
		return Seeding{lacks: lacks, own: own}, nil
	}
	s := Seeding{Profile: profile.Seeding{Image: offer.Image, ImageVolume: offer.ImageVolumes}, lacks: offer.Lacks, own: own, blind: !offer.ImageVolumes}
	s.Why = own + ", so that its init containers run in " + offer.Image
	if offer.ImageVolumes {
		s.Why += ", with the image itself as a read-only volume to copy from (Kubernetes 1.36 and newer)"
	}
	return s, nil
}

// Lacks are the programs of SeedPrograms that an image has not.
func Lacks(ctx context.Context, facts image.Facts, tree image.Tree) ([]string, error) {
	pathEnv := Env(Input{Facts: facts}, "PATH")
	var out []string
	for _, name := range SeedPrograms {
		_, ok, err := image.HasProgram(ctx, tree, name, pathEnv)
		if err != nil {
			return nil, fmt.Errorf("looking for the program %s in image %s: %w", name, facts.Ref, err)
		}
		if !ok {
			out = append(out, name)
		}
	}
	return out, nil
}

// inVain reports whether a repair is a mere guess that needs a mount which cannot be made.
func (f failure) inVain(r Proposal) bool {
	cannot := func(m profile.Mount) bool { return f.in.Seeding.Cannot(m) != "" }
	return r.Strength() == Guess && slices.ContainsFunc(r.Profile.Mounts, cannot)
}

// Cannot says why a mount cannot be made, and what to do about it; empty where it can.
func (s Seeding) Cannot(m profile.Mount) string {
	var missing []string
	for _, name := range m.SeedPrograms() {
		if slices.Contains(s.lacks, name) {
			missing = append(missing, name)
		}
	}
	what := "mount " + m.Path + " needs an init container that copies the image's content: "
	flags := "name a small image with a shell by --seed-image, and --kubernetes-version 1.36 (or newer) where the cluster has image volumes"
	if m.Kind == profile.Owned {
		what = "mount " + m.Path + " needs an init container that makes the folder for its user: "
		flags = "name a small image with a shell by --seed-image"
	}
	switch {
	case m.NeedsInit() && s.Profile.Image != "" && len(missing) > 0:
		return what + s.Profile.Image + " has no " + strings.Join(missing, ", ") + ": name another image by --seed-image"
	case m.NeedsInit() && len(missing) > 0:
		return what + "the image has no " + strings.Join(missing, ", ") + ": " + flags + "; or let the application write to a folder that the image does not fill"
	case m.Kind == profile.Seeded && s.blind:
		return what + s.own + ", and " + s.Profile.Image + " sees nothing of it without an image volume: give --kubernetes-version 1.36 (or newer) " +
			"where the cluster has image volumes; or let the application write to a folder that the image does not fill"
	}
	return ""
}
