package seals

import (
	"context"
	"slices"

	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/sealfile"
)

// OfManifests returns the containers of manifests with their seals, which files hold, or, where names is FromImage alone, the
// registries of their images. It also returns why some files of a folder were left out.
func OfManifests(ctx context.Context, o input.Options, names []string) (s Subject, skipped []error, err error) {
	files, set, err := input.Manifests(ctx, o)
	if err != nil {
		return s, nil, err
	}
	s.Read = ReadScript(".")
	s.Targets, err = manifest.Select(files, manifest.Selection{Object: o.Object, Container: o.Container, Exclude: o.Exclude})
	if err != nil {
		return s, set.Skipped, err
	}
	if !IsFromImage(names) {
		s.Entries, err = Load(ctx, names)
		if o.Container != "" || o.Object != "" || len(o.Exclude) > 0 {
			s.Entries = s.paired()
		}
		return s, set.Skipped, err
	}
	s.Pairs, err = NewRegistry(ctx).Pairs(s.Targets)
	s.Entries = s.paired()
	return s, set.Skipped, err
}

// IsFromImage reports whether names of seal files mean the seals that images have in their registries.
func IsFromImage(names []string) bool { return slices.Equal(names, []string{FromImage}) }

// paired returns the seals of the containers, without those that belong to none.
func (s Subject) paired() []sealfile.Entry {
	var out []sealfile.Entry
	pairs, _ := s.pairs()
	for _, p := range pairs {
		if p.Seal != nil {
			out = append(out, *p.Seal)
		}
	}
	return out
}
