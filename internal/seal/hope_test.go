package seal

import (
	"testing"
	"time"
)

// TestHope: when a run is given up that stands still, by how long it has run, and stood still.
func TestHope(t *testing.T) {
	const usual = 2 * time.Second // so early is 12 s (9 s), late 16 s, calm 4 s
	for _, tt := range []struct {
		name       string
		patience   patience
		known      bool
		refused    bool
		now, still time.Duration
		want       bool
	}{
		{"nothing speaks against it", wary, false, false, time.Minute, time.Minute, false},
		{"as before, too early", wary, true, true, 11 * time.Second, 11 * time.Second, false},
		{"as before", wary, true, false, 13 * time.Second, 5 * time.Second, true},
		{"as before, but there is news", wary, true, true, time.Minute, 3 * time.Second, false},
		{"refused, early", wary, false, true, 13 * time.Second, 13 * time.Second, false},
		{"refused, late", wary, false, true, 17 * time.Second, 9 * time.Second, true},
		{"refused, late, not calm for long", wary, false, true, 17 * time.Second, 7 * time.Second, false},
		{"a guess", brisk, false, false, 13 * time.Second, 5 * time.Second, true},
		{"a guess, too early", brisk, false, true, 10 * time.Second, 10 * time.Second, false},
		{"a trial", quick, false, false, 10 * time.Second, 5 * time.Second, true},
		{"a trial, too early", quick, false, false, 8 * time.Second, 8 * time.Second, false},
	} {
		h := &hope{patience: tt.patience, usual: usual, known: func(sights) bool { return tt.known }}
		if got := h.lost(tt.now, tt.still, tt.refused); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestSightsWithin(t *testing.T) {
	failed := sights{}
	for _, l := range []string{"start 12:01 pid 7", "retry in 5s", "retry in 10s"} {
		failed.see("line", sameLine(l))
	}
	failed.see("process", "app")
	for _, tt := range []struct {
		name string
		kind string
		what string
		want bool
	}{
		{"the same words at another time", "line", "start 13:44 pid 12", true},
		{"a write more", "write", "/run/x", true},
		{"a new line", "line", "listening", false},
		{"a new process", "process", "worker", false},
		{"a port", "port", "80", false},
	} {
		now := sights{}
		now.see("line", sameLine("retry in 20s"))
		now.see(tt.kind, sameLine(tt.what))
		if got := now.within(failed); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	if (sights{}).within(failed) {
		t.Error("of a run that says nothing something is known")
	}
}
