package observe_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podseal/podseal/internal/observe"
)

// TestMergeConnections: a connection is listed once, with the best outcome that any report of it has.
func TestMergeConnections(t *testing.T) {
	traced := observe.Connection{Protocol: "tcp", Address: "10.0.0.2", Port: 5432, Phase: observe.Start, Outcome: observe.Unknown, PID: 7, Command: "app"}
	later := traced
	later.PID, later.Phase = 9, observe.E2E
	again := traced
	again.PID = 12
	socket := observe.Connection{Protocol: "tcp", Address: "10.0.0.2", Port: 5432, Phase: observe.E2E, Outcome: observe.Allowed}
	other := observe.Connection{Protocol: "udp", Address: "10.0.0.1", Port: 53, Phase: observe.Start, Outcome: observe.Allowed}
	got := observe.MergeConnections(nil, []observe.Connection{traced, later})
	got = observe.MergeConnections(got, []observe.Connection{again, socket, other})
	want := []observe.Connection{other, later, traced}
	want[1].Outcome, want[2].Outcome = observe.Allowed, observe.Allowed
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if traced.Outcome != observe.Unknown {
		t.Error("the argument has changed")
	}
}
