package seals

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/gate"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/referrer"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/sealfile"
	"github.com/podseal/podseal/internal/target"
)

// Merged are seals whose evidence a run adds to its own.
type Merged []sealfile.Entry

// LoadMerged reads seals, each of one of the targets: from files, or for FromImage from the registries of the targets' images. Its
// errors are those of the input, but for a registry that does not answer.
func LoadMerged(ctx context.Context, names []string, targets []target.Target) (out Merged, err error) {
	var files []string
	for _, name := range names {
		if name != FromImage {
			files = append(files, name)
			continue
		}
		attached, err := NewRegistry(ctx).Merged(targets)
		if unavailable := new(referrer.UnavailableError); errors.As(err, &unavailable) {
			return nil, err
		}
		if err != nil {
			return nil, exitcode.BadInput(err)
		}
		out = append(out, attached...)
	}
	entries, err := Load(ctx, files)
	if err != nil {
		return nil, exitcode.BadInput(manifest.Located(err))
	}
	out = append(out, entries...)
	return out, exitcode.BadInput(out.Check(targets))
}

// Of returns the seals of a target: those of its container, or for an image alone those of the image.
func (m Merged) Of(t target.Target) []sealfile.Entry {
	var out []sealfile.Entry
	for _, e := range m {
		switch {
		case t.Pod == nil && e.Object == "" && gate.Repository(e.Image.Reference) == gate.Repository(t.Image),
			t.Pod != nil && e.Object == t.Pod.Original && e.Container == t.Name:
			out = append(out, e)
		}
	}
	return out
}

// Check returns an error about a seal that belongs to none of the targets, or whose user is not that of another.
func (m Merged) Check(targets []target.Target) error {
	for _, e := range m {
		mine := func(t target.Target) bool {
			return slices.ContainsFunc(m.Of(t), func(of sealfile.Entry) bool { return of.Place() == e.Place() })
		}
		if !slices.ContainsFunc(targets, mine) {
			return fmt.Errorf("%s: the seal is for %s, which is not sealed here: leave it out", e.Place(), e.Title())
		}
	}
	for _, t := range targets {
		if _, _, err := m.Floor(t, image.Facts{}); err != nil {
			return err
		}
	}
	return nil
}

// Floor returns what the seals of a target prove that it needs, and its user; a nil Floor if it has no seal.
func (m Merged) Floor(t target.Target, facts image.Facts) (*seal.Floor, *plan.UserChoice, error) {
	entries := m.Of(t)
	if len(entries) == 0 {
		return nil, nil, nil
	}
	f, user, err := sealfile.Floor(entries, facts)
	return f, &user, err
}
