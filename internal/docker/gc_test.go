package docker

import (
	"slices"
	"testing"
	"time"
)

// TestJudge: the lease decides, and the age where there is none. A process id has no effect.
func TestJudge(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	old, young := now.Add(-2*time.Hour), now.Add(-time.Minute)
	objects := []object{
		{kind: containerObject, name: "live-observer", run: "live", created: old, lease: leaseHeld},
		{kind: containerObject, name: "live-target", run: "live", created: old},
		{kind: volumeObject, name: "live-volume", run: "live", created: old},
		{kind: containerObject, name: "dead-observer", run: "dead", created: young, lease: leaseEnded},
		{kind: containerObject, name: "dead-target", run: "dead", created: young},
		{kind: imageObject, name: "dead-image", run: "dead", created: old},
		{kind: containerObject, name: "starting", run: "new", created: young},
		{kind: volumeObject, name: "unleased", run: "none", created: old},
		{kind: helperObject, name: "helper-in-use", created: young},
		{kind: helperObject, name: "helper-unused", created: old},
	}
	var removed []string
	for _, d := range judge(objects, now, false) {
		if d.reason == "" {
			removed = append(removed, d.name)
		}
	}
	want := []string{"dead-observer", "dead-target", "dead-image", "unleased", "helper-unused"}
	if !slices.Equal(removed, want) {
		t.Errorf("GC removes %q, want %q", removed, want)
	}
	for _, d := range judge(objects, now, true) {
		if d.reason != "" {
			t.Errorf("with --all %s is kept: %s", d.name, d.reason)
		}
	}
}

// TestLeaseOf: a lease that has not started yet says nothing, since a run that begins is to be kept by its age.
func TestLeaseOf(t *testing.T) {
	for state, want := range map[string]leaseState{
		"running": leaseHeld, "paused": leaseHeld, "restarting": leaseHeld, "created": noLease,
		"exited": leaseEnded, "dead": leaseEnded, "removing": leaseEnded,
	} {
		if got := leaseOf(state); got != want {
			t.Errorf("leaseOf(%s) = %v, want %v", state, got, want)
		}
	}
}
