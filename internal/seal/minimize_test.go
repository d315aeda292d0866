package seal

import (
	"slices"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

// TestRemovable: neither the seed of a mount is removed, nor a mount of the pod itself.
func TestRemovable(t *testing.T) {
	p := profile.Profile{LowPorts: true}
	for _, m := range []profile.Mount{
		{Path: "/run", Kind: profile.Plain}, {Path: "/srv", Kind: profile.Seeded}, {Path: "/scratch", Kind: profile.Plain}, {Path: "/scratch/below", Kind: profile.Plain},
	} {
		p = p.WithMount(m)
	}
	own := target.Target{Mounts: []target.VolumeMount{{Volume: "scratch", Path: "/scratch", Own: true}}, Pod: &target.Pod{}}
	var got []string
	for _, r := range removable(own, p, p.Relaxations()) {
		got = append(got, r.ID)
	}
	slices.Sort(got)
	want := []string{profile.LowPortsID, "mount /run", "mount /scratch/below", "mount /srv"}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestBlamed: a mount that a failed run of the user asked for is not removed together with others. A guess does not count.
func TestBlamed(t *testing.T) {
	round := func(uid int64, at string, s plan.Strength) Round {
		return Round{Profile: profile.Profile{User: profile.User{UID: uid}}, Blames: []plan.Blame{{Setting: profile.MountID(at), Strength: s}}}
	}
	for _, c := range []struct {
		name  string
		round Round
		want  bool
	}{
		{"by the trace", round(5, "/run", plan.FromTrace), true},
		{"by the open run", round(5, "/run", plan.FromEarlier), true},
		{"by a guess", round(5, "/run", plan.Guess), false},
		{"of another user", round(7, "/run", plan.FromTrace), false},
		{"another mount", round(5, "/srv", plan.FromTrace), false},
	} {
		m := minimizer{search: search{runner: runner{ledger: &ledger{rounds: []Round{c.round}}}}, c: candidate{user: plan.UserChoice{User: profile.User{UID: 5}}}}
		if got := m.blamed(profile.Mount{Path: "/run"}); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestFailedWithout: a failed e2e command shows that a profile fails only if the failure was reproduced.
func TestFailedWithout(t *testing.T) {
	for _, c := range []struct {
		name       string
		outcome    trial.Outcome
		kind       observe.FailureKind
		reproduced bool
		want       bool
	}{
		{"a passed run", trial.Passed, "", false, false},
		{"an inconclusive run", trial.Inconclusive, observe.NotReady, true, false},
		{"an exit", trial.Failed, observe.Exited, false, true},
		{"a failed command", trial.Failed, observe.CommandFailed, false, false},
		{"a command that failed twice", trial.Failed, observe.CommandFailed, true, true},
		{"a command that hung", trial.Failed, observe.CommandTimeout, false, false},
	} {
		r := Round{Outcome: c.outcome, reproduced: c.reproduced, Observation: observe.Observation{Failure: observe.Failure{Kind: c.kind}}}
		m := minimizer{search: search{runner: runner{ledger: &ledger{rounds: []Round{r}}}}}
		if got := m.failedWithout(profile.Profile{}, trial.Protocol{}); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestIntrusion: of what can replace each other, the least intrusive is kept: temp folders first, exceptions last.
func TestIntrusion(t *testing.T) {
	mount := func(at string) profile.Relaxation {
		return profile.Relaxation{ID: profile.MountID(at), Path: at, Kind: profile.MountStep}
	}
	order := []profile.Relaxation{
		mount("/tmp"), mount("/var/tmp"), mount("/run"), mount("/made"), {ID: profile.LowPortsID}, {ID: profile.OwnedID("/tmp"), Path: "/tmp"}, {ID: profile.RootID, Exception: true},
	}
	m := minimizer{absent: map[string]bool{"/made": true}}
	var got []int
	for _, r := range order {
		got = append(got, m.intrusion(r))
	}
	if want := []int{0, 1, 2, 3, 4, 4, 5}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestNames: a group is named by its relaxations, a long one by their number.
func TestNames(t *testing.T) {
	var group []profile.Relaxation
	for _, c := range strings.Fields("CHOWN KILL MKNOD SETGID SETUID") {
		group = append(group, profile.Relaxation{ID: profile.CapabilityID(c), Kind: profile.CapabilityStep})
	}
	if got, want := names(group[:4]), "capability CHOWN, capability KILL, capability MKNOD, capability SETGID"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := names(group), "5 capabilities"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
