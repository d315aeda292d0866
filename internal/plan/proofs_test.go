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

// TestProofOfLowPorts: where only the ports differ, the line about a socket is the evidence, whatever came before it.
func TestProofOfLowPorts(t *testing.T) {
	o := observe.Observation{
		Failure: observe.Failure{Kind: observe.Exited, Phase: observe.Start},
		Logs:    "open /etc/app.conf: Permission denied\nbind() to 0.0.0.0:80 failed (13: Permission denied)\n",
	}
	const first, bind = "EACCES /etc/app.conf (in the logs)", "bind() to 0.0.0.0:80 failed (13: Permission denied)"
	for _, c := range []struct {
		wider, narrower bool
		want            string
	}{{true, false, bind}, {true, true, first}, {false, false, first}} {
		if got := plan.ProofEvidence(o, profile.Profile{LowPorts: c.wider}, profile.Profile{LowPorts: c.narrower}); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
