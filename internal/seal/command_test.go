package seal

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// A command has exited 0 also where something that it started goes on and keeps its output open; one that fails has
// failed all the same.
func TestCommandThatLeavesSomethingRunning(t *testing.T) {
	r := &oneRun{c: published{}}
	for line, want := range map[string]int{"sleep 9 & exit 0": 0, "sleep 9 & exit 3": 3} {
		began := time.Now()
		res, err := r.command(context.Background(), target.Shell(line, false), observe.E2E)
		if err != nil || res.Code != want {
			t.Errorf("%s: %d, %v", line, res.Code, err)
		}
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("%s took %s", line, took)
		}
	}
}

// Of what a command writes the end is kept, whatever comes before it.
func TestEndingKeepsTheEnd(t *testing.T) {
	var e ending
	for _, size := range []int{1, 100, maxOutput - 1, maxOutput, 5 * maxOutput, 7} {
		for range 9 {
			if n, err := e.Write([]byte(strings.Repeat("x", size))); n != size || err != nil {
				t.Fatal(n, err)
			}
		}
		if len(e.buf) > 2*maxOutput {
			t.Errorf("%d bytes are kept", len(e.buf))
		}
	}
	_, _ = e.Write([]byte("the end"))
	if got := tail(e.String()); len(got) != maxOutput || !strings.HasSuffix(got, "xxthe end") {
		t.Errorf("%d bytes, ends %q", len(got), got[len(got)-10:])
	}
}

// Of many trials none begins once the seal is given up: there is not even an engine here.
func TestNoRoundBeginsAfterItsEnd(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("enough")
	cancel(why)
	s := &session{}
	if _, err := s.round(ctx, "a trial", profile.Profile{}, s.sealedLimits(true)); !errors.Is(err, why) || len(s.rounds) > 0 {
		t.Errorf("%v, %d rounds", err, len(s.rounds))
	}
}
