package trial

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podseal/podseal/internal/engine"
)

// TestLimit: the time that a run is queued in the engine counts neither as its time nor against its limit.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said []string
		ctx, watch := limited(t.Context(), 10*time.Minute, func(why string) { said = append(said, why) })
		time.Sleep(4 * time.Minute)
		leave := engine.Enqueue(ctx, "full")
		time.Sleep(time.Hour)
		leave()
		if took := watch.took(); took != 4*time.Minute || ctx.Err() != nil {
			t.Errorf("it took %s, and its context is %v", took, ctx.Err())
		}
		time.Sleep(7 * time.Minute)
		limit := new(TimeoutError)
		if !errors.As(context.Cause(ctx), &limit) || watch.took() != 11*time.Minute {
			t.Errorf("after %s: %v", watch.took(), context.Cause(ctx))
		}
		if got := strings.Join(said, ","); got != "full," {
			t.Errorf("it said %q", got)
		}
		watch.stop()
	})
}

// TestNoLimit: a run without a limit waits, and ends with its stopwatch.
func TestNoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, watch := limited(t.Context(), 0, nil)
		leave := engine.Enqueue(ctx, "full")
		time.Sleep(time.Hour)
		leave()
		if ctx.Err() != nil || watch.took() != 0 {
			t.Errorf("%v after %s", ctx.Err(), watch.took())
		}
		watch.stop()
		if ctx.Err() == nil || engine.Enqueue(t.Context(), "no queue") == nil {
			t.Error("the context goes on")
		}
	})
}
