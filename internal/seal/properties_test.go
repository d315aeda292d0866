package seal_test

import (
	"context"
	"flag"
	"math/rand"
	"strings"
	"testing"
	"testing/quick"
	"testing/synctest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/engine/enginetest"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/trial"
)

// applications is how many random applications each property is checked with.
var applications = flag.Int("applications", 150, "check the properties of the search with this many random applications")

// check checks a property with random applications.
func check(t *testing.T, property any) {
	t.Helper()
	if err := quick.Check(property, &quick.Config{MaxCount: *applications, Rand: rand.New(rand.NewSource(1))}); err != nil {
		t.Error(err)
	}
}

// sealOf seals an application on the fake engine.
func sealOf(t *testing.T, a *txtar.Archive, traced bool, parallel int) seal.Result {
	t.Helper()
	e, tgt, opts := parseCase(t, a)
	e.Traced, opts.Parallel = traced, parallel
	var res seal.Result
	synctest.Test(t, func(t *testing.T) {
		var err error
		if res, err = seal.Run(context.Background(), e, tgt, opts); err != nil {
			t.Fatal(err)
		}
	})
	checkResult(t, e, res)
	return res
}

// works reports whether an application works under a profile as well as it does without one, by a judge that shares nothing
// with the search.
func works(t *testing.T, a *txtar.Archive, p profile.Profile) bool {
	t.Helper()
	_, c, err := enginetest.Parse(a)
	if err != nil {
		t.Fatal(err)
	}
	var open, o enginetest.Outcome
	synctest.Test(t, func(t *testing.T) {
		var err1, err2 error
		open, err1 = enginetest.Try(c.Undisturbed(), profile.Unrestricted())
		o, err2 = enginetest.Try(c.Undisturbed(), p)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
	})
	return o.Covers(open)
}

// TestEmittedProfileWorks: the profile of each seal passed a confirmation run, and works for an independent judge.
func TestEmittedProfileWorks(t *testing.T) {
	for _, traced := range []bool{true, false} {
		check(t, func(a enginetest.Application) bool {
			res := sealOf(t, a.Archive, traced, 2)
			if res.Verdict == seal.NotTestable || res.Seal == nil {
				return res.Verdict != seal.Sealed && res.Verdict != seal.SealedWithExceptions
			}
			_, proved := res.Proved()
			ok := proved && (res.Seal.Restart == "none" || works(t, a.Archive, res.Profile))
			if !ok {
				t.Logf("%s\n%s", a, render(res))
			}
			return ok
		})
	}
}

// TestNothingCanBeRemoved: each relaxation of a seal has a proof, and an independent judge agrees that the application does
// not work without it where a trial failed.
func TestNothingCanBeRemoved(t *testing.T) {
	check(t, func(a enginetest.Application) bool {
		res := sealOf(t, a.Archive, true, 2)
		if res.Verdict != seal.Sealed {
			return true
		}
		proofs := map[string]seal.Proof{}
		for _, p := range res.Proofs {
			proofs[p.Relaxation] = p
		}
		for _, r := range res.Profile.Relaxations() {
			if seeded(res.Profile, r) {
				continue
			}
			p, ok := proofs[r.ID]
			if ok && saysSoAtStop(res, p) {
				continue // the judge knows the status of a stop, and not what is said in it
			}
			if !ok || p.Outcome == trial.Failed && res.Seal.Restart == "commands" && works(t, a.Archive, r.Undo(res.Profile)) {
				t.Logf("%s: proof %+v", r.ID, p)
				return false
			}
		}
		return true
	})
}

// saysSoAtStop reports whether a proof is a write that was refused and logged during a stop.
func saysSoAtStop(res seal.Result, p seal.Proof) bool {
	for _, o := range res.Rounds {
		if o.Name == p.Round && o.Observation.Failure.Kind == observe.StopFailed {
			return true
		}
	}
	return false
}

// seeded reports whether a relaxation is the seed of a mount, which is never removed.
func seeded(p profile.Profile, r profile.Relaxation) bool {
	for _, m := range p.Mounts {
		if r.ID == profile.SeededID(m.Path) {
			return true
		}
	}
	return false
}

// TestParallelismDoesNotMatter: trials in parallel lead to the result of trials one by one.
func TestParallelismDoesNotMatter(t *testing.T) {
	check(t, func(a enginetest.Application) bool {
		one, many := sealOf(t, a.Archive, true, 1), sealOf(t, a.Archive, true, 4)
		return one.Verdict == many.Verdict && one.Profile.Equal(many.Profile) && len(one.Exceptions) == len(many.Exceptions)
	})
}

// TestDisturbancesWidenNothing: flaky commands, kills and faults of the engine lead to the seal of the undisturbed
// application, or to none. Where every third run fails by chance, one seal in twenty may be wider, since what was seen often
// enough looks like any other failure; what fails more often is beyond that.
func TestDisturbancesWidenNothing(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	sealed, wider := 0, 0
	for range *applications {
		a := enginetest.Generate(r, enginetest.Traits{Flaky: true, Killed: true})
		if strings.Contains(string(txtar.Format(a)), "chance 0.4") {
			continue
		}
		e, tgt, opts := parseCase(t, a)
		_, c, err := enginetest.Parse(a)
		if err != nil {
			t.Fatal(err)
		}
		calm, err := enginetest.New(c.Undisturbed())
		if err != nil {
			t.Fatal(err)
		}
		e.Traced, calm.Traced = true, true
		var got, want seal.Result
		synctest.Test(t, func(t *testing.T) {
			want, err = seal.Run(context.Background(), calm, tgt, opts)
			if err != nil {
				t.Fatal(err)
			}
			got, _ = seal.Run(context.Background(), e, tgt, opts) // an engine that stays broken is an error
		})
		if got.Verdict != seal.Sealed || want.Verdict != seal.Sealed {
			continue
		}
		if sealed++; !got.Profile.Leq(want.Profile) {
			wider++
			t.Logf("%s\nundisturbed:\n%s\ndisturbed:\n%s", txtar.Format(a), render(want), render(got))
		}
	}
	if wider > sealed/20 {
		t.Errorf("%d of %d seals are wider for disturbances", wider, sealed)
	}
	if sealed < *applications/5 {
		t.Errorf("only %d of %d were sealed", sealed, *applications)
	}
}
