package plan_test

import (
	"testing"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
)

// TestFirstRefusalDecides makes sure that later refusals, which the first one often causes, are not taken as evidence.
func TestFirstRefusalDecides(t *testing.T) {
	o := observe.Observation{
		Failure: observe.Failure{Kind: observe.Exited, Phase: observe.Start},
		Logs:    "first: Operation not permitted\nlater: Operation not permitted\n",
	}
	if got := plan.ProofEvidence(o, profile.Profile{AllowPrivilegeEscalation: true}, profile.Profile{}); got != "first: Operation not permitted" {
		t.Errorf("got %q", got)
	}
}
