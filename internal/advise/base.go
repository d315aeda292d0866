package advise

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/image"
)

// The OCI annotation keys of a base image, as labels too.
const (
	baseName   = "org.opencontainers.image.base.name"
	baseDigest = "org.opencontainers.image.base.digest"
)

// baseSearch finds the image that an image was made from.
type baseSearch struct{ *analysis }

// find adds the finding about the base image, with how it is known: as the image or its build says, else by the layers
// that both have, else by a guess that is called one. A label may be the base image's own about its base, so that the
// layers are compared all the same.
func (a baseSearch) find(ctx context.Context) error {
	if a.declaredBase("annotation", a.facts.Annotations) || a.provenBase() {
		return nil
	}
	labelled := a.declaredBase("label", a.facts.Config.Config.Labels)
	layered, err := a.layeredBase(ctx)
	if err != nil || labelled || layered || a.costly() {
		return err
	}
	return a.guessedBase(ctx)
}

func (a baseSearch) declaredBase(where string, m map[string]string) bool {
	name := m[baseName]
	if name == "" {
		return false
	}
	a.analysis.find(IDBase, "the base image is "+name, Evidence{Where: where, Text: strings.TrimSpace(name + " " + m[baseDigest])})
	return true
}

// provenBase reports whether the provenance that BuildKit attaches names images; they become findings.
func (a baseSearch) provenBase() bool {
	if a.costly() {
		return false
	}
	materials, err := a.facts.Materials()
	if err != nil {
		a.note("the build's provenance could not be read: %v", err)
	}
	for _, m := range materials {
		a.analysis.find(IDBase, "the build used "+m.Ref, Evidence{Where: "provenance", Text: strings.TrimSpace(m.Ref + " " + m.Digest)})
	}
	return len(materials) > 0
}

// layeredBase compares the layers with those of the engine's images and of the catalog.
func (a baseSearch) layeredBase(ctx context.Context) (bool, error) {
	known := a.opts.Catalog.stacks()
	if a.opts.Known != nil {
		more, err := a.opts.Known(ctx)
		if err != nil {
			return false, err
		}
		known = append(known, more...)
	}
	layers := a.facts.Layers()
	bases := image.BaseOf(layers, image.Passed(a.facts.Config.Config), known)
	if len(bases) == 0 {
		return false, nil
	}
	var names []string
	for _, b := range bases {
		names = append(names, b.Ref)
	}
	slices.Sort(names)
	n := len(bases[0].Layers)
	a.analysis.find(IDBase, "the base image is "+strings.Join(slices.Compact(names), " or "),
		Evidence{Where: "layers", Text: fmt.Sprintf("the lowest %d of %d are all that it has: %s", n, len(layers), bases[0].Layers[n-1])})
	return true, nil
}

func (a baseSearch) guessedBase(ctx context.Context) error {
	for _, at := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		data, err := a.tree.ReadFile(ctx, at)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", at, err)
		}
		if name := prettyName(string(data)); name != "" {
			a.analysis.find(IDBase, "a guess: the base image is one of "+name, Evidence{Where: at, Text: name})
		}
		return nil
	}
	return nil
}

func prettyName(text string) string {
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
			return strings.Trim(strings.TrimSpace(v), `"'`)
		}
	}
	return ""
}
