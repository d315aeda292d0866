package survey

import (
	"context"
	"errors"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/image"
)

// image advises on one image; from is empty where the place to read it is to be found out.
func (s *survey) image(ctx context.Context, from, ref string, o advise.Options) error {
	o.Catalog = s.opts.Catalog
	var r advise.Report
	var err error
	switch from {
	case "archive", "layout", "registry":
		r, err = s.outside(ctx, from, ref, o)
	default:
		r, err = s.inEngine(ctx, ref, o)
	}
	if err != nil {
		return err
	}
	if s.opts.Verify {
		r = r.Verify(ctx, func(ctx context.Context, ref string) (*v1.ConfigFile, error) {
			return image.Exists(ctx, ref, s.opts.Platform)
		})
	}
	s.outcome.Images = append(s.outcome.Images, r)
	return nil
}

// outside reads an image from an archive, a layout or a registry.
func (s *survey) outside(ctx context.Context, from, ref string, o advise.Options) (advise.Report, error) {
	var src *image.Source
	var err error
	o.Scan = true
	switch from {
	case "archive":
		src, err = image.OpenTarball(ref, "", s.opts.Platform)
	case "layout":
		src, err = image.OpenLayout(ref, s.opts.Platform)
	default:
		o.Scan = s.opts.Deep
		src, err = image.OpenRemote(ctx, ref, s.opts.Platform)
	}
	if err != nil {
		return advise.Report{}, inputError(err)
	}
	r, err := advise.Image(ctx, src.Facts, src, o)
	r.BytesRead = src.BytesRead()
	return r, errors.Join(err, src.Close())
}

// fallback reads an image from its registry, since it is not in an engine. The error says why both failed.
func (s *survey) fallback(ctx context.Context, ref string, o advise.Options, why string) (advise.Report, error) {
	r, err := s.outside(ctx, "registry", ref, o)
	if failed := new(image.RegistryError); errors.As(err, &failed) {
		return r, inputErrorf("%w; and %s", err, why)
	}
	return r, err
}

// inEngine reads an image of the engine. One that it does not have is read from its registry, unless the engine was asked
// for.
func (s *survey) inEngine(ctx context.Context, ref string, o advise.Options) (advise.Report, error) {
	asked := s.opts.From == "engine"
	e, err := s.connect(ctx)
	if err != nil {
		if asked {
			return advise.Report{}, err
		}
		return s.fallback(ctx, ref, o, err.Error())
	}
	o.Known = e.Stacks
	has, err := e.Has(ctx, ref, s.opts.Platform)
	if err != nil {
		return advise.Report{}, err
	}
	if !has && !asked {
		return s.fallback(ctx, ref, o, "the engine does not have it")
	}
	facts, err := e.Image(ctx, ref, s.opts.Platform)
	if err != nil {
		return advise.Report{}, err
	}
	tree, err := e.Tree(ctx, facts)
	if err != nil {
		return advise.Report{}, err
	}
	o.Scan = true
	r, err := advise.Image(ctx, facts, tree, o)
	return r, errors.Join(err, tree.Close(ctx))
}
