package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/engines"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/referrer"
	"github.com/podseal/podseal/internal/sealfile"
	"github.com/podseal/podseal/internal/seals"
)

// sealOptions are the flags about seal files.
type sealOptions struct {
	file   string // to write; empty for none
	merge  []string
	merged seals.Merged
	about  sealfile.Run
}

func (o *sealOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.file, "seal", "", "also write the profile and its proof to a `FILE`, NAME.seal.yaml, for podseal check")
	f.StringArrayVar(&o.merge, "merge", nil, "keep what the `SEAL` of an earlier run with other commands needed: a file, or from-image for the one that the image has in its registry (repeatable)")
}

// load reads the seals of --merge, each of a target.
func (o *sealOptions) load(ctx context.Context, j batch.Job) error {
	if len(o.merge) == 0 {
		return nil
	}
	var files []string
	for _, name := range o.merge {
		if name != seals.FromImage {
			files = append(files, name)
			continue
		}
		attached, err := seals.NewRegistry(ctx).Merged(j.Targets())
		if unavailable := new(referrer.UnavailableError); errors.As(err, &unavailable) {
			return err
		}
		if err != nil {
			return exitcode.BadInput(err)
		}
		o.merged = append(o.merged, attached...)
	}
	entries, err := seals.Load(files)
	if err != nil {
		return exitcode.BadInput(manifest.Located(err))
	}
	o.merged = append(o.merged, entries...)
	return exitcode.BadInput(o.merged.Check(j.Targets()))
}

// run returns what a seal file says of this run; nothing where none is written.
func (o *sealOptions) run(ctx context.Context, e *engines.Engine, kubernetes string) sealfile.Run {
	if o.file == "" {
		return sealfile.Run{}
	}
	return sealRun(ctx, e, kubernetes)
}

// sealRun returns what seal files say of a run.
func sealRun(ctx context.Context, e *engines.Engine, kubernetes string) sealfile.Run {
	return sealfile.Run{
		ID: e.RunID(), Date: time.Now().UTC().Format(time.RFC3339), Podseal: version, Kubernetes: kubernetes, Engine: e.Version(ctx),
	}
}

// writeSeal writes the seal file, a document for each container.
func (o *runOptions) writeSeal(s streams, places *deliver.Places, results []batch.Sealed) error {
	if o.proof.file == "" {
		return nil
	}
	var all []sealfile.Seal
	for _, in := range results {
		made, err := seals.Of(in, sealfile.Options{Read: seals.ReadScript("."), Run: o.proof.about}, o.proof.merged)
		if err != nil {
			return err
		}
		all = append(all, made...)
	}
	text, err := sealfile.Encode(sealfile.Redacted(all, s.redact)...)
	if err != nil {
		return err
	}
	return places.Write(o.proof.file, text)
}
