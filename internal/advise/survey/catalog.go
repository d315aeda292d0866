package survey

import (
	"context"
	"errors"
	"fmt"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/infile"
	"github.com/podseal/podseal/internal/outfile"
)

// Catalog returns the shipped catalog with the entries of a file, which replace those of the shipped one; without a name, the
// shipped one. ownOnly leaves the shipped entries out.
func Catalog(ctx context.Context, name string, ownOnly bool) (advise.Catalog, error) {
	shipped, err := advise.ShippedCatalog()
	if err != nil {
		return advise.Catalog{}, err
	}
	if ownOnly {
		shipped.Images = nil
	}
	if name == "" {
		return shipped, nil
	}
	data, err := infile.Read(ctx, name)
	if err != nil {
		return advise.Catalog{}, err
	}
	own, err := advise.ParseCatalog(data)
	if err != nil {
		return advise.Catalog{}, fmt.Errorf("%s: %w", name, err)
	}
	return shipped.Extended(own), nil
}

// WriteDockerfiles writes the changes that are not refuted into the Dockerfiles, and marks them as written.
func WriteDockerfiles(outcome *advise.Outcome) error {
	for i, d := range outcome.Dockerfiles {
		if d.Diff == "" || d.Proof != nil && !d.Proof.Proved {
			continue
		}
		if d.Stdin {
			return &InputError{errors.New("--write has no file to write to: the Dockerfile is read from stdin")}
		}
		if err := outfile.Write(d.File, d.Patched); err != nil {
			return err
		}
		outcome.Dockerfiles[i].Written = true
	}
	return nil
}
