package seal

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

// TestSealWithoutCommands makes sure that the commands of a serialised seal are a list where there are none.
func TestSealWithoutCommands(t *testing.T) {
	s, err := mint(target.Target{Image: "app"}, image.Facts{}, Round{Outcome: trial.Passed}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := json.Marshal(s); err != nil || !strings.Contains(string(data), `"commands":[]`) {
		t.Errorf("%s (%v)", data, err)
	}
}

// TestMint: only a run that passed sealed, untraced and over its own files makes a seal. The seal says what its restart checked.
func TestMint(t *testing.T) {
	for _, c := range []struct {
		name    string
		round   Round
		restart string // of the seal; "" for none
	}{
		{"a confirmation run", Round{Outcome: trial.Passed, Protocol: trial.Protocol{Restart: trial.RestartFull}}, "commands"},
		{"a restart judged by readiness", Round{Outcome: trial.Passed, Protocol: trial.Protocol{Restart: trial.RestartReady}}, "readiness"},
		{"no restart", Round{Outcome: trial.Passed}, "none"},
		{"a failed run", Round{Outcome: trial.Failed}, ""},
		{"an inconclusive run", Round{Outcome: trial.Inconclusive}, ""},
		{"an open run", Round{Outcome: trial.Passed, Profile: profile.Unrestricted()}, ""},
		{"a traced run", Round{Outcome: trial.Passed, Protocol: trial.Protocol{Traced: true}}, ""},
		{"a run whose mount was emptied", Round{Outcome: trial.Passed, Protocol: trial.Protocol{Fresh: []string{"/data"}}}, ""},
	} {
		s, err := mint(target.Target{Image: "app"}, image.Facts{}, c.round, nil)
		if c.restart == "" {
			if s != nil || !errors.Is(err, errNotConfirmed) {
				t.Errorf("%s: %+v (%v)", c.name, s, err)
			}
			continue
		}
		if err != nil || s.Restart != c.restart {
			t.Errorf("%s: %+v (%v)", c.name, s, err)
		}
	}
}

// TestTriedUnder: a proposal is not tried again if its profile failed under the same protocol or a looser one.
func TestTriedUnder(t *testing.T) {
	p := profile.Profile{User: profile.User{UID: 5}}
	other := p.WithMount(profile.Mount{Path: "/run", Kind: profile.Plain})
	full, ready := trial.Protocol{Restart: trial.RestartFull}, trial.Protocol{Restart: trial.RestartReady}
	for _, c := range []struct {
		name  string
		round Round
		want  bool
	}{
		{"it failed", Round{Profile: p, Protocol: full, Outcome: trial.Failed}, true},
		{"it failed under a looser protocol", Round{Profile: p, Protocol: ready, Outcome: trial.Failed}, true},
		{"it was inconclusive", Round{Profile: p, Protocol: full, Outcome: trial.Inconclusive}, true},
		{"it passed", Round{Profile: p, Protocol: ready, Outcome: trial.Passed}, false},
		{"another profile failed", Round{Profile: other, Protocol: full, Outcome: trial.Failed}, false},
	} {
		w := widening{search{runner: runner{ledger: &ledger{rounds: []Round{c.round}}}}}
		if got := w.triedUnder(p, full); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	w := widening{search{runner: runner{ledger: &ledger{rounds: []Round{{Profile: p, Protocol: full, Outcome: trial.Failed}}}}}}
	if w.triedUnder(p, ready) {
		t.Error("a failure under a stricter protocol counts")
	}
}

// TestUnconfirmed: the reason says whether the confirmation run failed or was inconclusive.
func TestUnconfirmed(t *testing.T) {
	text := observe.Observation{Failure: observe.Failure{Text: "exited 1"}}
	for want, o := range map[string]Round{
		"the confirmation run was inconclusive (killed): exited 1":        {Outcome: trial.Inconclusive, Cause: trial.Killed, Observation: text},
		"it passes under the tracer alone; untraced, it failed: exited 1": {Outcome: trial.Failed, Observation: text},
	} {
		if got := unconfirmed(o); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
