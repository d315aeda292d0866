// Package seals writes the seal files of what was sealed, and finds them again for a check.
package seals

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/emit"
	"github.com/podseal/podseal/internal/gate"
	"github.com/podseal/podseal/internal/infile"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/sealfile"
)

// Of returns the seals of the containers of an input, in their order. The options hold what is not known from the results; the
// merged seals are those that the results include.
func Of(in batch.Sealed, o sealfile.Options, merged Merged) ([]sealfile.Seal, error) {
	var out []sealfile.Seal
	for i, res := range in.Results {
		own, err := settings(in.Input.Containers[i], res)
		if err != nil {
			return nil, err
		}
		o.Manifest, o.Run.Seconds, o.Merged = own, sealfile.Seconds(res), merged.Of(res.Target)
		s, ok := sealfile.New(res, o)
		if !ok {
			return nil, fmt.Errorf("%s has no proof, so that no seal file can be written", res.Target.Image)
		}
		out = append(out, s)
	}
	return out, nil
}

// settings returns the settings of a container's manifest, or of the Pod that is written for an image.
func settings(c deliver.Container, res seal.Result) (sealfile.Manifest, error) {
	if c.Pod != nil {
		in, _ := c.Pod.Container(c.Name)
		return gate.Record(c.Pod, in), nil
	}
	text, err := emit.Pod(emit.Input{Target: res.Target, Facts: res.Image, Profile: res.Profile})
	if err != nil {
		return sealfile.Manifest{}, err
	}
	f, err := manifest.Parse("the Pod of "+res.Target.Image, text, "")
	if err != nil {
		return sealfile.Manifest{}, err
	}
	targets, err := f.Select("", "")
	if err != nil {
		return sealfile.Manifest{}, err
	}
	return gate.RecordNew(targets[0].Pod, targets[0].Container, res.Profile), nil
}

// ReadScript reads a regular file below a folder, as sealfile.ReadFile does for the working directory.
func ReadScript(folder string) sealfile.ReadFile {
	return func(at string) ([]byte, bool) {
		name := filepath.Join(folder, filepath.FromSlash(at))
		if st, err := os.Stat(name); err != nil || !st.Mode().IsRegular() || !filepath.IsLocal(filepath.FromSlash(at)) {
			return nil, false
		}
		content, err := infile.Read(context.Background(), name) // a regular file does not block
		return content, err == nil
	}
}
