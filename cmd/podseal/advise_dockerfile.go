package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/advise/dockerfile"
)

// dockerfile advises on a Dockerfile.
func (a *adviser) dockerfile(ctx context.Context, name string, data []byte) error {
	shown := name
	if name == "-" {
		shown = "Dockerfile"
	}
	args, err := a.opts.prove.buildArgs()
	if err != nil {
		return err
	}
	var read []string // the base images that were read from the engine
	var failed error
	base := func(ref string) dockerfile.Base {
		b, ok, err := a.base(ctx, ref)
		if ok {
			read = append(read, ref)
		}
		failed = errors.Join(failed, err)
		return b
	}
	context, closeContext := a.buildContext(name)
	defer closeContext()
	r, err := dockerfile.Check(data, dockerfile.Options{
		Target: a.opts.stage, Base: base, Writes: a.opts.writes, Name: filepath.ToSlash(shown), Args: args, Context: context,
	})
	if err != nil {
		return badInput("%s: %w", shown, err)
	}
	d := advise.DockerfileReport{File: shown, Result: r, BaseRead: slices.Contains(read, r.Base)}
	a.outcome.Dockerfiles = append(a.outcome.Dockerfiles, d)
	return failed
}

// buildContext returns the files of the build context: of --context, else of the Dockerfile's folder. Links that lead out of
// it are not followed.
func (a *adviser) buildContext(name string) (fs.FS, func()) {
	dir := a.opts.prove.context
	if dir == "" && name == "-" {
		return nil, func() {}
	}
	if dir == "" {
		dir = filepath.Dir(name)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, func() {}
	}
	return root.FS(), func() { _ = root.Close() }
}

// base tells what is known of a base image: from the catalog, else, where the engine has it, from the image itself.
func (a *adviser) base(ctx context.Context, ref string) (b dockerfile.Base, read bool, err error) {
	if known, ok := a.bases[ref]; ok {
		return known, true, nil
	}
	b = a.catalog.Base(ref)
	if b.Family != dockerfile.Unknown || ref == "" || !a.hasImage(ctx, ref) {
		return b, false, nil
	}
	facts, err := a.engine.Image(ctx, ref, a.opts.target.platform)
	if err != nil {
		return b, false, err
	}
	tree, err := a.engine.Tree(ctx, facts)
	if err != nil {
		return b, false, err
	}
	b, err = advise.BaseFacts(ctx, facts, tree)
	a.bases[ref] = b
	return b, true, errors.Join(err, tree.Close(ctx))
}

// hasImage tells whether there is an engine that has an image. What is no reference at all, for an ARG that is not known,
// is no image.
func (a *adviser) hasImage(ctx context.Context, ref string) bool {
	if err := a.connect(ctx); err != nil {
		return false
	}
	has, err := a.engine.Has(ctx, ref, a.opts.target.platform)
	return has && err == nil
}
