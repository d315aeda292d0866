package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/engine"
)

// TestFaultText: a fault is one sentence that names the call, its object and the state of the engine.
func TestFaultText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault engine.Fault
		want  string
	}{
		{engine.Fault{Kind: engine.Gone, Call: "starting", Object: "container a", Engine: "tcp://x:1"}, "starting container a: the engine at tcp://x:1 is gone: nothing answers there any more"},
		{engine.Fault{Kind: engine.Frozen, Call: "cleaning up", Engine: "tcp://x:1"}, "cleaning up: the engine at tcp://x:1 does not answer in time"},
		{engine.Fault{Kind: engine.ObserverLost, Call: "watching", Object: "container a"}, "watching container a: the container has ended during the run: something else has stopped or removed it"},
		{engine.Fault{Call: "starting", Object: "container a", Err: context.Canceled}, "starting container a: context canceled"},
	} {
		if got := tt.fault.Error(); got != tt.want {
			t.Errorf("got %s\nwant %s", got, tt.want)
		}
	}
}

// TestWithCleanup: one fault is reported once, and is the reason of an error before it.
func TestWithCleanup(t *testing.T) {
	t.Parallel()
	frozen := &engine.Fault{Kind: engine.Frozen, Call: "cleaning up", Engine: "tcp://x:1"}
	wrapped := fmt.Errorf("open run: %w", &engine.Fault{Kind: engine.Frozen, Call: "starting", Engine: "tcp://x:1"})
	plain := errors.New("the run took too long")
	for _, tt := range []struct {
		err, cleanup error
		want         string
	}{
		{nil, nil, "<nil>"},
		{plain, nil, plain.Error()},
		{nil, frozen, frozen.Error()},
		{wrapped, frozen, wrapped.Error()},
		{plain, frozen, "the run took too long: " + frozen.Error()},
		{plain, plain, "the run took too long\nthe run took too long"},
	} {
		if got := fmt.Sprint(engine.WithCleanup(tt.err, tt.cleanup)); got != tt.want {
			t.Errorf("got %s, want %s", strings.ReplaceAll(got, "\n", " | "), tt.want)
		}
	}
}
