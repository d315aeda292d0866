package survey

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/advise/dockerfile"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/manifest"
)

var fromLine = regexp.MustCompile(`(?mi)^\s*FROM\s+\S+`)

// file advises on a manifest, an image archive or a Dockerfile, by its name and content.
func (s *survey) file(ctx context.Context, name string) error {
	if isArchive(name) {
		return s.image(ctx, "archive", name, advise.Options{})
	}
	data, err := s.opts.ReadFile(name)
	if err != nil {
		return inputError(err)
	}
	if !isObject(name) && (isDockerfile(name) || fromLine.Match(data) && !bytes.Contains(data, []byte("apiVersion:"))) {
		return s.dockerfile(ctx, name, data)
	}
	return s.manifest(ctx, name, data)
}

// folder advises on an OCI layout, else on the Dockerfiles and manifests of a folder and of the folders below.
func (s *survey) folder(ctx context.Context, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "oci-layout")); err == nil {
		return s.image(ctx, "layout", dir, advise.Options{})
	}
	found := false
	s.folders = true
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return s.failed(ctx, name, err)
		case e.IsDir() && name != dir && !searched(e.Name()):
			return fs.SkipDir
		case !e.Type().IsRegular() || !isYAML(name) && !isDockerfile(name):
			return nil
		}
		ok, err := s.found(ctx, name)
		found = found || ok
		return err
	})
	if err != nil {
		return err
	}
	if !found {
		return inputErrorf("%s has no Dockerfile, no manifest and no OCI layout", dir)
	}
	return nil
}

// found advises on a file of a folder, and reports whether it holds something to advise on. YAML that is no manifest is
// skipped, podseal's own files in silence; a Dockerfile that cannot be read is a failure.
func (s *survey) found(ctx context.Context, name string) (bool, error) {
	err := s.file(ctx, name)
	var bad *InputError
	switch {
	case err == nil:
		return true, nil
	case isYAML(name) && errors.As(err, &bad):
		if at := new(manifest.Error); !errors.As(err, &at) {
			err = fmt.Errorf("%s: %w", name, err)
		}
		if !input.IsOwnFile(name) {
			s.opts.Skipped(err)
		}
		return false, nil
	default:
		return true, s.failed(ctx, name, err)
	}
}

// usage is an image as containers of manifests run it. The advice on it is the same for all of them.
type usage struct{ image, user, group string }

func usageOf(t manifest.Target) usage {
	number := func(n *int64) string {
		if n == nil {
			return ""
		}
		return strconv.FormatInt(*n, 10)
	}
	o := userOf(t)
	return usage{t.Container.Image, number(o.RunAsUser), number(o.RunAsGroup)}
}

// manifest advises on the image of each container, with the user that the pod gives it. Of several containers with the same
// image and user the first one is enough.
func (s *survey) manifest(ctx context.Context, name string, data []byte) error {
	file, err := manifest.Parse(name, data, "")
	if err != nil {
		return inputError(err)
	}
	found, err := file.Select("", "")
	if err != nil {
		return inputError(err)
	}
	for _, t := range found {
		key := usageOf(t)
		if _, known := s.advised[key]; !known {
			if err := s.image(ctx, "", t.Container.Image, userOf(t)); err != nil {
				where := fmt.Sprintf("%s, line %d, container %s, image %s", name, t.Container.Line, t.Container.Name, t.Container.Image)
				if err := s.failed(ctx, where, err); err != nil {
					return err
				}
				continue
			}
			s.advised[key] = len(s.outcome.Images) - 1
		}
		container := t.Container.Name + " of " + t.Pod.String()
		if s.folders {
			container += " in " + name
		}
		r := &s.outcome.Images[s.advised[key]]
		r.Containers = append(r.Containers, container)
	}
	return nil
}

// userOf returns the user that a manifest gives a container.
func userOf(t manifest.Target) advise.Options {
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
	return o
}

// dockerfile advises on a Dockerfile.
func (s *survey) dockerfile(ctx context.Context, name string, data []byte) error {
	shown := name
	if name == "-" {
		shown = "Dockerfile"
	}
	var failed error
	base := func(ref string) dockerfile.Base {
		b, err := s.base(ctx, ref)
		failed = errors.Join(failed, err)
		return b
	}
	files, closeFiles := s.buildContext(name)
	defer closeFiles()
	r, err := dockerfile.Check(data, dockerfile.Options{
		Target: s.opts.Stage, Base: base, Writes: s.opts.Writes, Name: s.patches.Name(shown), Args: s.opts.Args, Context: files,
	})
	if err != nil {
		return inputErrorf("%s: %w", shown, err)
	}
	_, read := s.bases[r.Base]
	d := advise.DockerfileReport{File: shown, Stdin: name == "-", Result: r, BaseRead: read}
	if r.Diff != "" {
		d.ApplyIn = s.patches.Dir()
	}
	s.outcome.Dockerfiles = append(s.outcome.Dockerfiles, d)
	return failed
}

// buildContext returns the files of the build context. Links that lead out of it are not followed.
func (s *survey) buildContext(name string) (fs.FS, func()) {
	dir := s.opts.Context
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

// base returns what is known of a base image: from the catalog, else, where the engine has it, from the image itself.
func (s *survey) base(ctx context.Context, ref string) (dockerfile.Base, error) {
	if known, ok := s.bases[ref]; ok {
		return known, nil
	}
	b := s.opts.Catalog.Base(ref)
	inCatalog := b.Family != dockerfile.Unknown && b.Family != dockerfile.Minimal // a tag of it may have more tools
	if inCatalog || ref == "" || !s.hasImage(ctx, ref) {
		return b, nil
	}
	facts, err := s.engine.Image(ctx, ref, s.opts.Platform)
	if err != nil {
		return b, err
	}
	tree, err := s.engine.Tree(ctx, facts)
	if err != nil {
		return b, err
	}
	b, err = advise.BaseFacts(ctx, facts, tree)
	s.bases[ref] = b
	return b, errors.Join(err, tree.Close(ctx))
}

// hasImage reports whether there is an engine that has an image. A text that is no reference, for an ARG without a value,
// is no image.
func (s *survey) hasImage(ctx context.Context, ref string) bool {
	e, err := s.connect(ctx)
	if err != nil {
		return false
	}
	has, err := e.Has(ctx, ref, s.opts.Platform)
	return has && err == nil
}
