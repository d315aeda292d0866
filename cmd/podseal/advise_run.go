package main

import (
	"context"
	"slices"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
)

// adviceFor is what podseal run takes over from podseal advise: for an image that declares root, whom its files name as
// the user, and the ways out.
func adviceFor(ctx context.Context, t target.Target, facts image.Facts, tree image.Tree) (*seal.Advice, error) {
	catalog, err := advise.ShippedCatalog()
	if err != nil {
		return nil, err
	}
	r, err := advise.Image(ctx, startedAs(facts, t), tree, advise.Options{Catalog: catalog})
	if err != nil || !r.Model.DeclaresRoot() {
		return nil, err
	}
	out := &seal.Advice{Model: string(r.Model), Why: r.Why}
	for _, w := range r.Ways {
		out.Ways = append(out.Ways, seal.Way{Kind: string(w.Kind), Says: w.Says, Cost: w.Cost, Image: w.Image, Snippet: w.Snippet})
	}
	if r.UserFrom == advise.FromEntrypoint || r.UserFrom == advise.FromSetting {
		out.Users = []plan.UserChoice{{User: r.User, Name: r.UserName, Why: r.UserWhy + placeOf(r)}}
	}
	return out, nil
}

// startedAs are the facts of an image with the command that a target has in place of the image's.
func startedAs(facts image.Facts, t target.Target) image.Facts {
	config := facts.Config.DeepCopy()
	if t.Entrypoint != nil {
		config.Config.Entrypoint, config.Config.Cmd = slices.Clone(t.Entrypoint), nil
	}
	if t.Args != nil {
		config.Config.Cmd = slices.Clone(t.Args)
	}
	facts.Config = config
	return facts
}

// placeOf is the file and line that names the user.
func placeOf(r advise.Report) string {
	for _, e := range r.Evidence {
		if e.Line > 0 && e.Where != "/etc/passwd" {
			return " (" + e.String() + ")"
		}
	}
	return ""
}
