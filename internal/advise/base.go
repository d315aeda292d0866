package advise

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// The OCI annotation keys of a base image, as labels too.
const (
	baseName   = "org.opencontainers.image.base.name"
	baseDigest = "org.opencontainers.image.base.digest"
)

// base says which image this one was made from, and how that is known.
func (a *analysis) base(ctx context.Context) error {
	for where, m := range map[string]map[string]string{"annotation": a.facts.Annotations, "label": a.facts.Config.Config.Labels} {
		if name := m[baseName]; name != "" {
			a.find(IDBase, "the base image is "+name, Evidence{Where: where, Text: strings.TrimSpace(name + " " + m[baseDigest])})
			return nil
		}
	}
	if !a.costly() || a.opts.Scan {
		materials, err := a.facts.Materials()
		if err != nil {
			a.note("the build's provenance could not be read: %v", err)
		}
		for _, m := range materials {
			a.find(IDBase, "the build used "+m.Ref, Evidence{Where: "provenance", Text: strings.TrimSpace(m.Ref + " " + m.Digest)})
		}
		if len(materials) > 0 {
			return nil
		}
	}
	if a.costly() {
		return nil
	}
	for _, at := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		data, err := a.tree.ReadFile(ctx, at)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", at, err)
		}
		if name := prettyName(string(data)); name != "" {
			a.find(IDBase, "a guess: the base image is one of "+name, Evidence{Where: at, Text: name})
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
