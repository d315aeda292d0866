package main

import (
	"slices"
	"strings"
)

// check refuses what can be refused before anything is started. The paths are those of the input files that can be changed
// in place, others says that there is also input which cannot; with neither an image was given alone.
func (o *deliverOptions) check(paths []string, others, planOnly bool) error {
	fromManifest := len(paths) > 0 || others
	if !slices.Contains(formats(), o.format) {
		return badInput("--format %s: use one of %s", o.format, strings.Join(formats(), ", "))
	}
	if slices.Contains([]string{"strategic-merge", "json-patch", formatKustomize}, o.format) && !fromManifest {
		return badInput("--format %s changes a manifest, but an image was given alone: give the manifest with -f, or use yaml, helm-values, compose or docker", o.format)
	}
	for _, f := range []struct {
		given bool
		name  string
	}{{o.inPlace, "--in-place"}, {o.diff, "--diff"}} {
		switch {
		case f.given && !fromManifest:
			return badInput("%s is about a manifest: give one with -f", f.name)
		case f.given && o.format != formatYAML:
			return badInput("%s goes with --format yaml only, not with %s", f.name, o.format)
		}
	}
	if err := o.checkInPlace(paths, others, planOnly); err != nil {
		return err
	}
	return o.checkPlaces()
}

func (o *deliverOptions) checkInPlace(paths []string, others, planOnly bool) error {
	switch {
	case !o.inPlace:
		return nil
	case o.output != "" && !o.diff:
		return badInput("--in-place writes into the files of -f: leave out -o")
	case others:
		return badInput("--in-place needs files of their own: stdin and what is built from a kustomization cannot be changed")
	case planOnly:
		return badInput("--in-place writes only what was proved: leave out --plan-only")
	}
	for _, path := range paths {
		if err := checkReplaceable(path); err != nil {
			return err
		}
	}
	return nil
}

// checkPlaces refuses files that cannot be written, and one that is named twice.
func (o *deliverOptions) checkPlaces() error {
	if o.format == formatKustomize {
		if o.output == "" {
			return badInput("--format kustomize makes a folder: name it with -o FOLDER")
		}
		if err := checkFolder(o.output); err != nil {
			return err
		}
	}
	named := map[string]bool{}
	for _, name := range []string{o.output, o.networkPolicy, o.podSecurity} {
		if named[name] {
			return badInput("%s is to be written twice: use different files", name)
		}
		if name == "" || name == o.output && o.format == formatKustomize {
			continue
		}
		named[name] = true
		if err := checkWritable(name); err != nil {
			return err
		}
	}
	return nil
}
