package trial

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// ended is a container that executes nothing any more.
type ended struct {
	engine.Container
	state engine.State
}

var errNotRunning = errors.New("the container is not running")

func (c ended) State(ctx context.Context) (engine.State, error) { return c.state, ctx.Err() }

func (c ended) ExecDefault(context.Context, []string) (int, string, error) {
	return 0, "", errNotRunning
}

// TestCommandInEndedContainer: a command that finds no container to run in shows a failure of the application, where that has ended,
// or another container of its pod; else the engine is at fault, and all ends.
func TestCommandInEndedContainer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		state     engine.State
		completes bool
		want      string // the failure; "" is an error
	}{
		{name: "runs", state: engine.State{Running: true}},
		{name: "ended", state: engine.State{Exit: observe.Exit{Code: 3}}, want: "exited 3 before `sh -x` could run"},
		{name: "another ended", state: engine.State{Running: true, Other: "container web exited 1"}, want: "container web exited 1 before `sh -x` could run"},
		{name: "runs to its end", completes: true},
	} {
		a := &attempt{Request: Request{Target: target.Target{
			Completes: tt.completes, Commands: []target.Command{{Inside: true, Argv: []string{"sh", "-x"}}},
		}, Driver: Commands{}}, c: ended{state: tt.state}, began: time.Now()}
		failure, err := a.exerciseOnce(t.Context(), observe.E2E)
		if failure.Text != tt.want || errors.Is(err, errNotRunning) != (tt.want == "") {
			t.Errorf("%s: the failure %q and the error %v, want %q", tt.name, failure.Text, err, tt.want)
		}
	}
}

// waiting is an engine whose pods have an init container that does not end.
type waiting struct{ engine.Engine }

func (waiting) Start(ctx context.Context, _ target.Target, _ image.Facts, _ profile.Profile) (engine.Container, error) {
	<-ctx.Done()
	return nil, fmt.Errorf("init container first: %w", ctx.Err())
}

// TestTimeoutOfStart: a start that takes too long names the flag, and what was waited for.
func TestTimeoutOfStart(t *testing.T) {
	t.Parallel()
	r := Request{Target: target.Target{Timeout: time.Millisecond}, Profile: profile.Unrestricted()}
	_, err := Run(t.Context(), waiting{}, r)
	if err == nil || err.Error() != "the run took longer than --timeout 1ms: init container first" {
		t.Errorf("the error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = Run(ctx, waiting{}, r); !errors.Is(err, context.Canceled) || err.Error() != "init container first: context canceled" {
		t.Errorf("interrupted: %v", err)
	}
}
