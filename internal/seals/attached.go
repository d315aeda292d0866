package seals

import (
	"context"
	"fmt"
	"slices"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/referrer"
	"github.com/podseal/podseal/internal/sealfile"
	"github.com/podseal/podseal/internal/target"
)

// FromImage in the place of a seal file means the seal that the image has in its registry.
const FromImage = "from-image"

// Registry reads the seals of images from their registries, each once.
type Registry struct {
	ctx   context.Context
	known map[string][]sealfile.Entry
}

// NewRegistry returns a Registry whose requests end with the context.
func NewRegistry(ctx context.Context) *Registry {
	return &Registry{ctx, map[string][]sealfile.Entry{}}
}

// Seals returns the newest seal file that an image has in its registry, as far as it is about this image; nothing if there is
// none. The digests of its seals are that of the image now.
func (r *Registry) Seals(image string) ([]sealfile.Entry, error) {
	if known, ok := r.known[image]; ok {
		return known, nil
	}
	found, err := r.read(image)
	if err == nil {
		r.known[image] = found
	}
	return found, err
}

func (r *Registry) read(image string) ([]sealfile.Entry, error) {
	at, err := referrer.Find(r.ctx, image)
	if err != nil {
		return nil, err
	}
	attached, err := at.Seals(r.ctx)
	if err != nil {
		return nil, err
	}
	var newest []sealfile.Entry
	for _, a := range attached {
		entries, err := sealfile.Parse(fmt.Sprintf("the seal %s of %s", a.Digest, image), a.Text)
		if err != nil {
			return nil, err
		}
		entries, err = r.about(at, entries)
		if err != nil {
			return nil, err
		}
		if len(entries) > 0 && (newest == nil || Date(entries) > Date(newest)) {
			newest = entries
		}
	}
	for i := range newest {
		newest[i].File, newest[i].Line, newest[i].Attached = "", 0, image+"@"+at.Digest
		newest[i].Image.Digest = at.Digest
	}
	return newest, nil
}

// about returns the seals that are about an image: those of its digest, or of the configuration or manifest of one of its
// platforms.
func (r *Registry) about(image referrer.Image, entries []sealfile.Entry) ([]sealfile.Entry, error) {
	var out []sealfile.Entry
	for _, e := range entries {
		if e.Image.Digest != image.Digest && image.Configs == nil {
			var err error
			if image, err = image.WithPlatforms(r.ctx); err != nil {
				return nil, err
			}
		}
		digest := e.Image.Digest
		if digest == image.Digest || digest != "" && slices.Contains(image.Manifests, digest) ||
			digest == "" && (slices.Contains(image.Configs, e.Image.ID) || slices.Contains(image.Manifests, e.Image.ID)) {
			out = append(out, e)
		}
	}
	return out, nil
}

// Date returns the date of the newest run of some seals.
func Date(entries []sealfile.Entry) string {
	newest := ""
	for _, e := range entries {
		newest = max(newest, e.Run.Date)
	}
	return newest
}

// Pairs gives each container the seal of its image: the one of its object and name, else of its name, else of the image alone,
// else the first.
func (r *Registry) Pairs(targets []manifest.Target) ([]Match, error) {
	out := make([]Match, 0, len(targets))
	for _, t := range targets {
		entries, err := r.Seals(t.Container.Image)
		if err != nil {
			return nil, err
		}
		m := Match{Target: t}
		best := -1
		for i, e := range entries {
			fit := 0
			switch {
			case e.Object == t.Pod.String() && e.Container == t.Container.Name:
				fit = 3
			case e.Container == t.Container.Name:
				fit = 2
			case e.Object == "":
				fit = 1
			}
			if fit > best {
				best, m.Seal = fit, &entries[i]
			}
		}
		out = append(out, m)
	}
	return out, nil
}

// Merged returns the seals that the images of targets have in their registries, as seals of these targets. A target whose image
// has none is an error.
func (r *Registry) Merged(targets []target.Target) (Merged, error) {
	var out Merged
	for _, t := range targets {
		entries, err := r.Seals(t.Image)
		if err != nil {
			return nil, err
		}
		if len(entries) == 0 {
			return nil, fmt.Errorf("image %s has no seal in its registry: attach one with podseal attach", t.Image)
		}
		e := entries[0]
		e.Object, e.Container, e.Image.Reference = "", "", t.Image
		if t.Pod != nil {
			e.Object, e.Container = t.Pod.Original, t.Name
		}
		out = append(out, e)
	}
	return out, nil
}

// Attach attaches the seals that are about an image to it in its registry. It returns the digest of the image, and that of the
// artifact. Seals of other images are an error.
func (r *Registry) Attach(entries []sealfile.Entry, image string) (subject, artifact string, err error) {
	at, err := referrer.Find(r.ctx, image)
	if err != nil {
		return "", "", err
	}
	own, err := r.about(at, entries)
	if err != nil {
		return "", "", err
	}
	if len(own) == 0 {
		e := entries[0]
		proved := e.Image.Digest
		if proved == "" {
			proved = e.Image.ID
		}
		return "", "", &referrer.InputError{Text: fmt.Sprintf("%s: the seal proves %s, but %s is %s in its registry: push the image that was sealed, or seal the one that was pushed",
			e.Place(), proved, image, at.Digest)}
	}
	var list []sealfile.Seal
	for _, e := range own {
		list = append(list, e.Seal)
	}
	text, err := sealfile.Encode(list...)
	if err != nil {
		return "", "", err
	}
	artifact, err = at.Attach(r.ctx, text, Date(own))
	return at.Digest, artifact, err
}
