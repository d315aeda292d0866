package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/gate"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/referrer"
	"github.com/podseal/podseal/internal/sealfile"
	"github.com/podseal/podseal/internal/seals"
)

func newAttachCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "attach SEAL [IMAGE]",
		Short: "Attach a seal file to its image in the registry, so that the proof ships with the image",
		Long: `Push a seal file to the registry of its image, as an OCI artifact of the type ` + referrer.ArtifactType + `
that refers to the image's digest. The registry must have the image that was sealed. podseal check --seal from-image and
podseal run --merge from-image read it. It needs docker login for a registry that asks for it. The artifact's name goes to
stdout.`,
		Example: `  podseal attach web.seal.yaml
  podseal attach web.seal.yaml registry.example.com/shop/web:1.4`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return exitcode.BadInputf("give a seal file, and the image if it has another name in its registry: podseal attach SEAL [IMAGE]")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return attach(c.Context(), s, args[0], args[1:]) },
	}
}

func attach(ctx context.Context, s streams, file string, images []string) error {
	entries, err := seals.Load(ctx, []string{file})
	if err != nil {
		return exitcode.BadInput(manifest.Located(err))
	}
	if len(images) == 0 {
		if images, err = imagesOf(entries); err != nil {
			return exitcode.BadInput(err)
		}
	}
	subject, artifact, err := seals.NewRegistry(ctx).Attach(entries, images[0])
	if input := new(referrer.InputError); errors.As(err, &input) {
		return exitcode.BadInput(err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "podseal: attached to %s, which is %s\n", images[0], subject)
	if _, err := fmt.Fprintf(s.out, "%s@%s\n", gate.Repository(images[0]), artifact); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

// imagesOf returns the one image of some seals.
func imagesOf(entries []sealfile.Entry) ([]string, error) {
	image := entries[0].Image.Reference
	for _, e := range entries[1:] {
		if e.Image.Reference != image {
			return nil, fmt.Errorf("%s has seals of several images, %s and %s: name the image to attach to", e.File, image, e.Image.Reference)
		}
	}
	return []string{image}, nil
}
