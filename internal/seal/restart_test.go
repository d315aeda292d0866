package seal

import (
	"testing"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trial"
)

// TestStaysAway: only a run that failed after its restart shows that an application does not come back.
func TestStaysAway(t *testing.T) {
	for _, c := range []struct {
		name             string
		outcome          trial.Outcome
		phase            observe.Phase
		kind             observe.FailureKind
		stays, byCommand bool
	}{
		{"passed", trial.Passed, "", "", false, false},
		{"failed at the start", trial.Failed, observe.Start, observe.NotReady, false, false},
		{"failed at the start, by a command", trial.Failed, observe.E2E, observe.CommandFailed, false, false},
		{"killed after the restart", trial.Inconclusive, observe.Restart, observe.Exited, false, false},
		{"unstable after the restart", trial.Inconclusive, observe.Restart, observe.CommandFailed, false, false},
		{"not ready after the restart", trial.Failed, observe.Restart, observe.NotReady, true, false},
		{"a command fails after the restart", trial.Failed, observe.Restart, observe.CommandFailed, true, true},
		{"a command hangs after the restart", trial.Failed, observe.Restart, observe.CommandTimeout, true, true},
	} {
		o := Round{Outcome: c.outcome, Observation: observe.Observation{Failure: observe.Failure{Kind: c.kind, Phase: c.phase}}}
		if got := staysAway(o); got != c.stays {
			t.Errorf("%s: it stays away: %v", c.name, got)
		}
		if got := commandFailed(o); got != c.byCommand {
			t.Errorf("%s: a command failed: %v", c.name, got)
		}
	}
}

// TestTracedPhase: the phase of a path is the first that wrote it, under its old or its new name.
func TestTracedPhase(t *testing.T) {
	phase := tracedPhase([]observe.Write{
		{Path: "/a", Phase: observe.E2E},
		{Path: "/a", Phase: observe.Start},
		{Path: "/a", Phase: observe.Stop},
		{Path: "/tmp/b", To: "/b", Phase: observe.Stop},
	})
	for at, want := range map[string]observe.Phase{"/a": observe.Start, "/b": observe.Stop, "/tmp/b": observe.Stop, "/c": observe.E2E} {
		if got := phase(at); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
}
