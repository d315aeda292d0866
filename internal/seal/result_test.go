package seal_test

import (
	"testing"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/trial"
)

// TestProvedAndTraced: the confirmation run is the untraced one that the seal names; the traced run is the last that passed
// under the same profile.
func TestProvedAndTraced(t *testing.T) {
	sealed := profile.Profile{User: profile.User{UID: 1}}
	wider := sealed.WithMount(profile.Mount{Path: "/run", Kind: profile.Plain})
	round := func(name string, p profile.Profile, traced bool, outcome trial.Outcome) seal.Round {
		r := seal.Round{Name: name, Profile: p, Protocol: trial.Protocol{Traced: traced}}
		r.Outcome, r.Observation.Trace = outcome, observe.Trace{On: traced}
		if outcome != trial.Passed {
			r.Observation.Failure = observe.Failure{Kind: observe.Exited}
		}
		return r
	}
	open := round("open", profile.Unrestricted(), true, trial.Passed)
	traced, failed := round("traced", sealed, true, trial.Passed), round("failed", sealed, true, trial.Failed)
	other, confirmed := round("other", wider, true, trial.Passed), round("confirmed", sealed, false, trial.Passed)
	for _, c := range []struct {
		name           string
		rounds         []seal.Round
		confirmation   string
		proved, traced string
	}{
		{"both", []seal.Round{open, traced, confirmed, failed, other}, "confirmed", "confirmed", "traced"},
		{"no traced run of the profile", []seal.Round{open, other, failed, confirmed}, "confirmed", "confirmed", "confirmed"},
		{"a confirmation run of another name", []seal.Round{traced, confirmed}, "else", "", "traced"},
		{"a traced run confirms nothing", []seal.Round{traced}, "traced", "", "traced"},
		{"a failed run confirms nothing", []seal.Round{round("failed", sealed, false, trial.Failed)}, "failed", "", ""},
		{"a run of another profile confirms nothing", []seal.Round{round("wider", wider, false, trial.Passed)}, "wider", "", ""},
	} {
		res := seal.Result{Profile: sealed, Rounds: c.rounds, Seal: &seal.Seal{Confirmation: c.confirmation}}
		proved, ok := res.Proved()
		last, found := res.Traced()
		if proved.Name != c.proved || ok != (c.proved != "") || last.Name != c.traced || found != (c.traced != "") {
			t.Errorf("%s: proved %q, traced %q", c.name, proved.Name, last.Name)
		}
	}
	if _, ok := (seal.Result{Rounds: []seal.Round{confirmed}, Profile: sealed}).Proved(); ok {
		t.Error("a result without a seal is proved")
	}
}
