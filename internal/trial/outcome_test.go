package trial

import (
	"testing"

	"github.com/podseal/podseal/internal/observe"
)

func TestOutcome(t *testing.T) {
	failed := observe.Failure{Kind: observe.Exited, Phase: observe.E2E, Text: "exited"}
	exit := func(code int, p observe.Phase) *observe.Exit { return &observe.Exit{Code: code, Phase: p} }
	for _, tt := range []struct {
		name      string
		o         observe.Observation
		abandoned bool
		want      Outcome
		cause     Cause
	}{
		{"passed", observe.Observation{Exit: exit(0, observe.Stop)}, false, Passed, ""},
		{"passed, killed after its grace period", observe.Observation{Exit: exit(137, observe.Stop)}, false, Passed, ""},
		{"exited", observe.Observation{Failure: failed, Exit: exit(1, observe.E2E)}, false, Failed, ""},
		{"failed, and killed after its grace period", observe.Observation{Failure: failed, Exit: exit(137, observe.Stop)}, false, Failed, ""},
		{"killed from outside", observe.Observation{Failure: failed, Exit: exit(137, observe.E2E)}, false, Inconclusive, Killed},
		{"out of memory", observe.Observation{Failure: failed, Exit: &observe.Exit{Code: 137, OOMKilled: true}}, false, Inconclusive, OutOfMemory},
		{"abandoned", observe.Observation{Failure: failed, Exit: exit(0, observe.Stop)}, true, Inconclusive, Abandoned},
		{"the tracer was lost", observe.Observation{Failure: failed, Trace: observe.Trace{On: true, Lost: 1, Broken: true}}, false, Inconclusive, TracerLost},
		{"passed without its tracer", observe.Observation{Trace: observe.Trace{On: true, Lost: 1, Broken: true}}, false, Passed, ""},
	} {
		a := &attempt{o: tt.o, abandoned: tt.abandoned}
		if got, cause := a.outcome(); got != tt.want || cause != tt.cause {
			t.Errorf("%s: %s %s, want %s %s", tt.name, got, cause, tt.want, tt.cause)
		}
	}
}
