package seal

import (
	"testing"
	"time"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/trial"
)

// TestStep: a step names how many there will be as soon as that is known, and that number never decreases.
func TestStep(t *testing.T) {
	l := &ledger{}
	step := func(more int, want string) {
		t.Helper()
		if _, got := l.begin(more); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	step(0, "step 1")
	step(3, "step 2 of about 5")
	step(0, "step 3 of about 5")
	l.expect(4)
	step(0, "step 4 of about 7")
	step(1, "step 5 of about 7")
	l.expect(0)
	step(2, "step 6 of about 8")
}

// TestSealedName: sealed runs are numbered for each user, and named after all users but the first.
func TestSealedName(t *testing.T) {
	for _, c := range []struct {
		uids []int64 // of the sealed runs before
		uid  int64
		want string
	}{
		{nil, 5, "sealed run 1"},
		{[]int64{5, 5}, 5, "sealed run 3"},
		{[]int64{5, 5}, 7, "sealed run 1 of uid 7"},
		{[]int64{5, 7}, 7, "sealed run 2 of uid 7"},
		{[]int64{5, 7}, 5, "sealed run 2"},
		{[]int64{0}, 0, "sealed run 2"},
		{[]int64{0}, 5, "sealed run 1 of uid 5"},
		{[]int64{0, 5}, 5, "sealed run 2 of uid 5"},
	} {
		l := &ledger{rounds: []Round{{Name: "open run"}}}
		for _, uid := range c.uids {
			l.rounds = append(l.rounds, Round{sealed: true, Profile: profile.Profile{User: profile.User{UID: uid}}})
		}
		if got := l.sealedName(c.uid); got != c.want {
			t.Errorf("uid %d after %v: %q, want %q", c.uid, c.uids, got, c.want)
		}
	}
}

// TestSettles: a round makes another trial of its profile unnecessary if that could not end otherwise.
func TestSettles(t *testing.T) {
	full := trial.Protocol{Traced: true, Restart: trial.RestartFull, Ready: 20 * time.Second}
	once := full.WithRestart(trial.NoRestart)
	emptied := full
	emptied.Fresh = []string{"/data"}
	longer := full
	longer.Ready = time.Minute
	failed := func(in trial.Protocol, phase observe.Phase) Round {
		return Round{Protocol: in, Outcome: trial.Failed, Observation: observe.Observation{Failure: observe.Failure{Phase: phase}}}
	}
	passed := func(in trial.Protocol) Round { return Round{Protocol: in, Outcome: trial.Passed} }
	chance := func(phase observe.Phase) Round {
		r := failed(full, phase)
		r.Outcome = trial.Inconclusive
		return r
	}
	for _, c := range []struct {
		name  string
		round Round
		proto trial.Protocol
		want  bool
	}{
		{"passed, and less is asked", passed(full), once, true},
		{"passed, and more is asked", passed(once), full, false},
		{"passed untraced, and a traced run is asked", passed(full.Untraced()), full, true},
		{"passed traced, and an untraced run is asked", passed(full), full.Untraced(), false},
		{"failed at the start, and only the restart differs", failed(full, observe.Start), once, true},
		{"failed in a command, and only the restart differs", failed(once, observe.E2E), full, true},
		{"failed at the start, and a mount is to be emptied before the restart", failed(full, observe.Start), emptied, true},
		{"failed at the start traced, and an untraced run is asked", failed(full, observe.Start), full.Untraced(), false},
		{"failed at the start untraced, and a traced run is asked", failed(full.Untraced(), observe.Start), full, false},
		{"failed at the start within a longer limit", failed(longer, observe.Start), full, true},
		{"failed at the start within a shorter limit", failed(full, observe.Start), longer, false},
		{"failed after the restart, and the same is asked", failed(full, observe.Restart), full, true},
		{"failed after the restart, and no restart is asked", failed(full, observe.Restart), once, false},
		{"failed after the restart, and a mount is to be emptied before it", failed(full, observe.Restart), emptied, false},
		{"failed at the stop within a longer limit", failed(longer, observe.Stop), full, false},
		{"inconclusive at the start, and the same is asked", chance(observe.Start), full, true},
		{"inconclusive at the start, and less is asked", chance(observe.Start), once, false},
	} {
		if got := c.round.settles(c.proto); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
