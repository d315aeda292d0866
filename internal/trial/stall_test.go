package trial

import (
	"testing"
	"time"
)

func TestShouldAbandon(t *testing.T) {
	p := Patience{After: 9 * time.Second, Calm: 4 * time.Second}
	for _, tt := range []struct {
		name          string
		elapsed, calm time.Duration
		factor        float64
		want          bool
	}{
		{"too early", 8 * time.Second, 8 * time.Second, 1, false},
		{"progress a moment ago", time.Minute, 3 * time.Second, 1, false},
		{"stalled", 9 * time.Second, 4 * time.Second, 1, true},
		{"stalled, but the user is patient", 9 * time.Second, 4 * time.Second, 2, false},
		{"stalled for twice as long", 18 * time.Second, 8 * time.Second, 2, true},
	} {
		w := stallWatch{patience: p.Times(tt.factor)}
		if got := w.shouldAbandon(tt.elapsed, tt.calm); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
}

func TestImplies(t *testing.T) {
	full := Protocol{Restart: RestartFull, Ready: time.Minute}
	traced := full
	traced.Traced = true
	fresh := full
	fresh.Fresh = []string{"/run"}
	quick := full
	quick.Ready = time.Second
	for _, tt := range []struct {
		name string
		p, q Protocol
		want bool
	}{
		{"itself", full, full, true},
		{"without a restart", full, full.WithRestart(NoRestart), true},
		{"judged by readiness", full, full.WithRestart(RestartReady), true},
		{"with a restart", full.WithRestart(NoRestart), full, false},
		{"with the commands after it", full.WithRestart(RestartReady), full, false},
		{"untraced for traced", full, traced, true},
		{"traced for untraced", traced, full, false},
		{"emptied mounts for kept ones", fresh, full, false},
		{"kept mounts for emptied ones", full, fresh, false},
		{"a shorter limit for a longer one", quick, full, true},
		{"a longer limit for a shorter one", full, quick, false},
	} {
		if got := tt.p.Implies(tt.q); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
}
