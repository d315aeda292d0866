package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/advise/dockerfile"
	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/manifest"
)

// adviser finds out what it is asked about, reads it, and collects the advice.
type adviser struct {
	opts    adviseOptions
	streams streams
	catalog advise.Catalog
	outcome advise.Outcome

	engine    *docker.Client // nil until it is needed
	engineErr error          // of the one try to reach it
	bases     map[string]dockerfile.Base
}

func (a *adviser) close() {
	if a.engine != nil {
		_ = a.engine.Close()
	}
}

// look advises on one argument: a file or folder of that name, else an image.
func (a *adviser) look(ctx context.Context, what string) error {
	if a.opts.from != "" {
		return a.image(ctx, a.opts.from, what, advise.Options{})
	}
	st, err := os.Stat(what)
	switch {
	case what == "-" || err == nil && !st.IsDir():
		return a.file(ctx, what)
	case err == nil:
		return a.folder(ctx, what)
	case errors.Is(err, os.ErrNotExist) && (strings.HasPrefix(what, ".") || strings.HasPrefix(what, "/")):
		return badInput("%w", plainPathError(err))
	default:
		return a.image(ctx, "", what, advise.Options{})
	}
}

var fromLine = regexp.MustCompile(`(?mi)^\s*FROM\s+\S+`)

// file advises on a manifest, an image archive or a Dockerfile, by its content.
func (a *adviser) file(ctx context.Context, name string) error {
	if strings.HasSuffix(name, ".tar") || strings.HasSuffix(name, ".tar.gz") || strings.HasSuffix(name, ".tgz") {
		return a.image(ctx, "archive", name, advise.Options{})
	}
	data, err := readInput(a.streams, name)
	if err != nil {
		return err
	}
	base := strings.ToLower(filepath.Base(name))
	yaml := strings.HasSuffix(base, ".yaml") || strings.HasSuffix(base, ".yml") || strings.HasSuffix(base, ".json")
	if !yaml && (isDockerfile(base) || fromLine.Match(data) && !bytes.Contains(data, []byte("apiVersion:"))) {
		return a.dockerfile(ctx, name, data)
	}
	return a.manifest(ctx, name, data)
}

func isDockerfile(base string) bool {
	return strings.HasPrefix(base, "dockerfile") || strings.HasPrefix(base, "containerfile") || strings.HasSuffix(base, ".dockerfile")
}

// folder advises on an OCI layout, else on the Dockerfiles and manifests of a folder.
func (a *adviser) folder(ctx context.Context, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "oci-layout")); err == nil {
		return a.image(ctx, "layout", dir, advise.Options{})
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return badInput("%w", plainPathError(err))
	}
	found := false
	for _, e := range entries {
		base, name := strings.ToLower(e.Name()), filepath.Join(dir, e.Name())
		yaml := strings.HasSuffix(base, ".yaml") || strings.HasSuffix(base, ".yml")
		if e.IsDir() || !yaml && !isDockerfile(base) {
			continue
		}
		if err := a.file(ctx, name); err != nil {
			var bad *codedError
			if !yaml || !errors.As(err, &bad) || bad.code != exitUsage {
				return err
			}
			fmt.Fprintf(a.streams.err, "podseal: left out %s: %s\n", name, oneLine(err))
			continue
		}
		found = true
	}
	if !found {
		return badInput("%s has no Dockerfile, no manifest and no OCI layout", dir)
	}
	return nil
}

// connect makes sure that there is an engine. It tries once.
func (a *adviser) connect(ctx context.Context) error {
	if a.engine == nil && a.engineErr == nil {
		a.engine, a.engineErr = docker.New(ctx, docker.Options{})
	}
	return a.engineErr
}

// manifest advises on the image of each container, with the user that the pod gives it.
func (a *adviser) manifest(ctx context.Context, name string, data []byte) error {
	file, err := manifest.Parse(name, data, "")
	if err != nil {
		return asBadInput(err)
	}
	found, err := file.Select("", "")
	if err != nil {
		return asBadInput(err)
	}
	for _, t := range found {
		var o advise.Options
		if sc := t.Pod.Spec.SecurityContext; sc != nil {
			o.RunAsUser, o.RunAsGroup = sc.RunAsUser, sc.RunAsGroup
		}
		if sc := t.Container.SecurityContext; sc != nil {
			if sc.RunAsUser != nil {
				o.RunAsUser = sc.RunAsUser
			}
			if sc.RunAsGroup != nil {
				o.RunAsGroup = sc.RunAsGroup
			}
		}
		if err := a.image(ctx, "", t.Container.Image, o); err != nil {
			return fmt.Errorf("%s, line %d, container %s: %w", name, t.Container.Line, t.Container.Name, err)
		}
	}
	return nil
}

// image advises on one image; from is empty where it is to be found out.
func (a *adviser) image(ctx context.Context, from, ref string, o advise.Options) error {
	o.Catalog = a.catalog
	var r advise.Report
	var err error
	switch from {
	case "archive", "layout", "registry":
		r, err = a.outside(ctx, from, ref, o)
	default:
		r, err = a.inEngine(ctx, ref, o)
	}
	if err != nil {
		return err
	}
	if a.opts.verify {
		r = r.Verify(ctx, a.configOf)
	}
	a.outcome.Images = append(a.outcome.Images, r)
	return nil
}

// outside reads an image that is in no engine.
func (a *adviser) outside(ctx context.Context, from, ref string, o advise.Options) (advise.Report, error) {
	var src *image.Source
	var err error
	o.Scan = true
	switch from {
	case "archive":
		src, err = image.OpenTarball(ref, "", a.opts.target.platform)
	case "layout":
		src, err = image.OpenLayout(ref, a.opts.target.platform)
	default:
		o.Scan = a.opts.deep
		src, err = image.OpenRemote(ctx, ref, a.opts.target.platform)
	}
	if err != nil {
		return advise.Report{}, asBadInput(err)
	}
	r, err := advise.Image(ctx, src.Facts, src, o)
	r.BytesRead = src.BytesRead()
	return r, errors.Join(err, src.Close())
}

// elsewhere reads an image from its registry, since it is not in an engine. An error says why both failed.
func (a *adviser) elsewhere(ctx context.Context, ref string, o advise.Options, why string) (advise.Report, error) {
	r, err := a.outside(ctx, "registry", ref, o)
	if failed := new(image.RegistryError); errors.As(err, &failed) {
		return r, badInput("%w; and %s", err, why)
	}
	return r, err
}

// inEngine reads an image of the engine. One that it does not have is read from its registry, unless the engine was
// asked for.
func (a *adviser) inEngine(ctx context.Context, ref string, o advise.Options) (advise.Report, error) {
	asked := a.opts.from == "engine"
	if err := a.connect(ctx); err != nil {
		if asked {
			return advise.Report{}, err
		}
		return a.elsewhere(ctx, ref, o, err.Error())
	}
	o.Known = a.engine.Stacks
	has, err := a.engine.Has(ctx, ref, a.opts.target.platform)
	if err != nil {
		return advise.Report{}, err
	}
	if !has && !asked {
		return a.elsewhere(ctx, ref, o, "the engine does not have it")
	}
	facts, err := a.engine.Image(ctx, ref, a.opts.target.platform)
	if err != nil {
		return advise.Report{}, err
	}
	tree, err := a.engine.Tree(ctx, facts)
	if err != nil {
		return advise.Report{}, err
	}
	o.Scan = true
	r, err := advise.Image(ctx, facts, tree, o)
	return r, errors.Join(err, tree.Close(ctx))
}
