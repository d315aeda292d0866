package trial

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// losing is an engine whose container runs until the observer container is lost, which happens while a command runs.
type losing struct {
	engine.Engine
	commands chan struct{} // closed when the command runs
}

func (l losing) Start(context.Context, target.Target, image.Facts, profile.Profile) (engine.Container, error) {
	return lost{commands: l.commands}, nil
}

type lost struct {
	engine.Container
	commands chan struct{}
}

var errLost = &engine.Fault{Kind: engine.ObserverLost, Call: "watching", Object: "container podseal-x-1-observer"}

func (c lost) Wait(context.Context) error { <-c.commands; return errLost }

func (lost) State(context.Context) (engine.State, error)               { return engine.State{Running: true}, nil }
func (lost) Phase(observe.Phase)                                       {}
func (lost) Logs(context.Context) (string, error)                      { return "", nil }
func (lost) Ports() map[int]int                                        { return nil }
func (lost) UDPPorts() map[int]int                                     { return nil }
func (lost) Connections(context.Context) ([]observe.Connection, error) { return nil, nil }
func (lost) Listening(context.Context) ([]int, error)                  { return nil, nil }
func (lost) Processes(context.Context) ([]observe.Process, error)      { return nil, nil }
func (lost) Changes(context.Context) ([]observe.Change, error)         { return nil, nil }
func (lost) Writes() ([]observe.Write, observe.Trace)                  { return nil, observe.Trace{} }

// TestFaultEndsRunAtOnce: a fault of the engine ends a run in the middle of its commands, and is its whole error.
func TestFaultEndsRunAtOnce(t *testing.T) {
	t.Parallel()
	running := make(chan struct{})
	_, err := Run(t.Context(), losing{commands: running}, Request{
		Target: target.Target{Ready: target.Ready{Timeout: time.Minute}},
		Driver: driverFunc(func(ctx context.Context) error {
			close(running)
			<-ctx.Done()
			return ctx.Err()
		}),
	})
	if !errors.Is(err, errLost) || err.Error() != errLost.Error() {
		t.Errorf("the run ends with %v, want %v", err, errLost)
	}
}

type driverFunc func(context.Context) error

func (f driverFunc) Drive(ctx context.Context, _ Application) ([]observe.CommandResult, observe.Failure, error) {
	return nil, observe.Failure{}, f(ctx)
}

// frozen is an engine whose containers never become ready, and whose calls end with their context, as those to a real engine.
type frozen struct{ engine.Engine }

func (frozen) Start(context.Context, target.Target, image.Facts, profile.Profile) (engine.Container, error) {
	return stuck{}, nil
}

type stuck struct{ lost }

func (stuck) Wait(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func (stuck) State(ctx context.Context) (engine.State, error) {
	<-ctx.Done()
	return engine.State{}, fmt.Errorf("inspecting container 1: %w", ctx.Err())
}

// TestTimeoutOfFrozenEngine: an engine that does not answer until --timeout is reported in the user's words, not in those of
// the context.
func TestTimeoutOfFrozenEngine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, err := Run(t.Context(), frozen{}, Request{Target: target.Target{Timeout: time.Minute}, Protocol: Protocol{Ready: time.Second}})
		if want := "the run took longer than --timeout 1m0s: reading the container's state: inspecting container 1"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}
