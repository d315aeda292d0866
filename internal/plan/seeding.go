package plan

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// SeedOffer describes what a user offers to create or fill mounts of images without a shell.
type SeedOffer struct {
	Image string // reference for the manifest; empty if none is offered
	// Lacks are the programs of SeedPrograms that the Image does not have.
	Lacks []string
	// ImageVolumes is true if the cluster can mount images as volumes.
	ImageVolumes bool
}

// SeedPrograms are all programs that an init container of podseal may run.
var SeedPrograms = []string{"sh", "rm", "mkdir", "cp", "chmod", "mv"}

// Seeding describes how the init containers of owned and seeded mounts run, and which of them cannot run.
type Seeding struct {
	Profile profile.Seeding
	// Why is the reason for the choice; empty if the image's shell is used and no other was offered.
	Why   string
	lacks []string // the programs that the chosen image does not have
	// blind is set if the chosen image has a shell, but no access to the content of the application's image.
	blind bool
	own   string // the programs that the application's image lacks, in words
}

// SeedField is the field of a Reason for a profile's Seeding.
const SeedField = "initContainers"

// ChooseSeeding returns how the init containers run. It chooses the application's own image if that has the programs: no
// second image has to be trusted and updated then. Otherwise it chooses the image that the user offers, with the
// application's image as a volume if the cluster has such volumes. It fails if the tree of the image cannot be read.
func ChooseSeeding(ctx context.Context, facts image.Facts, tree image.Tree, offer SeedOffer) (Seeding, error) {
	lacks, err := Lacks(ctx, facts, tree)
	if err != nil {
		return Seeding{}, err
	}
	own := "the image has no " + strings.Join(lacks, ", ")
	switch {
	case len(lacks) == 0 && offer.Image != "":
		return Seeding{Why: "the image's own programs: it has a shell, so " + offer.Image + " is not needed"}, nil
	case offer.Image == "":
		return Seeding{lacks: lacks, own: own}, nil
	}
	s := Seeding{Profile: profile.Seeding{Image: offer.Image, ImageVolume: offer.ImageVolumes}, lacks: offer.Lacks, own: own, blind: !offer.ImageVolumes}
	s.Why = own + ", so its init containers run in " + offer.Image
	if offer.ImageVolumes {
		s.Why += ", with the image itself as a read-only volume to copy from (Kubernetes 1.36 and newer)"
	}
	return s, nil
}

// Lacks returns the programs of SeedPrograms that an image does not have. It fails if the tree of the image cannot be read.
func Lacks(ctx context.Context, facts image.Facts, tree image.Tree) ([]string, error) {
	pathEnv := cmp.Or(Env(Input{Facts: facts}, "PATH"), image.DefaultPath)
	folders := usualFirst(pathEnv) // each question costs the engine a mount
	var out []string
	for _, name := range SeedPrograms {
		at, ok, err := image.HasProgram(ctx, tree, name, folders)
		if err != nil {
			return nil, fmt.Errorf("looking for the program %s in image %s: %w", name, facts.Ref, err)
		}
		if !ok {
			out = append(out, name)
			continue
		}
		folders = path.Dir(at) + ":" + pathEnv // which probably has the others
	}
	return out, nil
}

// usualFirst returns a PATH whose first folders are those that mostly have SeedPrograms.
func usualFirst(pathEnv string) string {
	folders := strings.Split(pathEnv, ":")
	slices.SortStableFunc(folders, func(a, b string) int {
		return cmp.Compare(usualFolders[a], usualFolders[b])
	})
	return strings.Join(folders, ":")
}

// usualFolders rank before all others.
var usualFolders = map[string]int{"/bin": -1, "/usr/bin": -1}

// impossible reports whether a proposal is a guess that needs a mount which no init container can fill or create.
func (f failure) impossible(r Proposal) bool {
	cannot := func(m profile.Mount) bool { return f.in.Seeding.Cannot(m) != "" }
	return r.Strength() == Guess && slices.ContainsFunc(r.Profile.Mounts, cannot)
}

// Cannot returns why no init container can fill or create a mount, and what to do about it; "" if one can.
func (s Seeding) Cannot(m profile.Mount) string {
	var missing []string
	for _, name := range m.SeedPrograms() {
		if slices.Contains(s.lacks, name) {
			missing = append(missing, name)
		}
	}
	what := "mount " + m.Path + " needs an init container that copies the image's content: "
	flags := "name a small image with a shell with --seed-image, and --kubernetes-version 1.36 (or newer) where the cluster has image volumes"
	if m.Kind == profile.Owned {
		what = "mount " + m.Path + " needs an init container that creates the folder for its user: "
		flags = "name a small image with a shell with --seed-image"
	}
	switch {
	case m.NeedsInit() && s.Profile.Image != "" && len(missing) > 0:
		return what + s.Profile.Image + " has no " + strings.Join(missing, ", ") + ": name another image with --seed-image"
	case m.NeedsInit() && len(missing) > 0:
		return what + "the image has no " + strings.Join(missing, ", ") + ": " + flags + "; or let the application write to a folder that the image does not fill"
	case m.Kind == profile.Seeded && s.blind:
		return what + s.own + ", and " + s.Profile.Image + " cannot read the image's files without an image volume: set --kubernetes-version 1.36 (or newer) " +
			"where the cluster has image volumes; or let the application write to a folder that the image does not fill"
	}
	return ""
}
