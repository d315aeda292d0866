// Package sealing joins advice with the sealing of images: advice for a search, advice after its runs, and the proof of a
// changed Dockerfile.
package sealing

import (
	"context"
	"slices"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

// Advice returns the advice on an image that declares root: the user that its files name, and the ways out. It is nil where
// the image does not declare root.
func Advice(ctx context.Context, t target.Target, facts image.Facts, tree image.Tree) (*seal.Advice, error) {
	catalog, err := advise.ShippedCatalog()
	if err != nil {
		return nil, err
	}
	r, err := advise.Image(ctx, startedAs(facts, t), tree, advise.Options{Catalog: catalog})
	if err != nil || !r.Model.DeclaresRoot() {
		return nil, err
	}
	out := &seal.Advice{Model: string(r.Model), Why: r.Why, Ways: sealWays(r.Ways)}
	if r.UserFrom == advise.FromEntrypoint || r.UserFrom == advise.FromSetting {
		out.Users = []plan.UserChoice{{User: r.User, Name: r.UserName, Why: r.UserWhy + placeOf(r)}}
	}
	return out, nil
}

func sealWays(ways []advise.Way) []seal.Way {
	var out []seal.Way
	for _, w := range ways {
		out = append(out, seal.Way{Kind: string(w.Kind), Says: w.Says, Cost: w.Cost, Image: w.Image, Snippet: w.Snippet})
	}
	return out
}

// startedAs returns the facts of an image with the command that a target has in place of the image's.
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

// placeOf returns the file and line that names the user.
func placeOf(r advise.Report) string {
	for _, e := range r.Evidence {
		if e.Line > 0 && e.Where != "/etc/passwd" {
			return " (" + e.String() + ")"
		}
	}
	return ""
}

// After returns a result whose advice is made from its runs: the ways out, the fix for an exception from runAsNonRoot, and,
// where the application writes an account for its uid into /etc/passwd, the account that it misses.
func After(res seal.Result) seal.Result {
	runs := runsOf(res)
	if len(runs.Trials) == 0 {
		return res
	}
	if res.Advice != nil {
		advice := *res.Advice
		advice.Ways = sealWays(advise.AfterRuns(adviseWays(advice.Ways), runs))
		res.Advice = &advice
	}
	res.Exceptions = slices.Clone(res.Exceptions)
	for i, e := range res.Exceptions {
		if e.Setting == "runAsNonRoot" {
			res.Exceptions[i].Fix = advise.UserFix(runs)
		} else if fix, ok := advise.AccountFix(runs); ok && e.Setting == "readOnlyRootFilesystem" && writesAccounts(res) {
			res.Exceptions[i].Fix = fix
		}
	}
	if fix, ok := advise.AccountFix(runs); ok && res.Verdict == seal.NotSealable {
		res.Why += "; " + fix
	}
	return res
}

// writesAccounts reports whether a run changed /etc/passwd.
func writesAccounts(res seal.Result) bool {
	return slices.ContainsFunc(res.Rounds, func(r seal.Round) bool {
		return slices.ContainsFunc(r.Observation.Changes, func(c observe.Change) bool { return c.Path == "/etc/passwd" })
	})
}

func adviseWays(ways []seal.Way) []advise.Way {
	var out []advise.Way
	for _, w := range ways {
		out = append(out, advise.Way{Kind: advise.WayKind(w.Kind), Says: w.Says, Cost: w.Cost, Image: w.Image, Snippet: w.Snippet})
	}
	return out
}

// runsOf returns what the sealed rounds of a result showed of their users. Inconclusive rounds show nothing.
func runsOf(res seal.Result) advise.Runs {
	var runs advise.Runs
	if res.Image.Config != nil {
		runs.Declared = res.Image.Config.Config.User
	}
	for _, r := range res.Rounds {
		if r.Profile.Open || r.Outcome == trial.Inconclusive {
			continue
		}
		t := advise.Trial{User: r.Profile.User, Passed: r.Passed()}
		if !t.Passed {
			t.Why = r.Observation.Failure.Text
			t.NoAccount = plan.MissesAccount(r.Observation)
		}
		runs.Trials = append(runs.Trials, t)
	}
	for _, e := range res.Exceptions {
		runs.Exceptions = append(runs.Exceptions, e.Setting)
	}
	return runs
}
