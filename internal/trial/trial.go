// Package trial makes one run of a target under a profile and a protocol, and returns what it showed. A run is a start,
// readiness, the e2e commands, a soak, a restart where the protocol asks for one, and a gentle stop.
package trial

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// Request is one run to make.
type Request struct {
	Target   target.Target
	Facts    image.Facts
	Profile  profile.Profile
	Protocol Protocol
	Patience Patience
	// Driver exercises the application; nil runs the target's e2e commands.
	Driver Driver
	// Queued is called with the reason when the engine queues the run, and with "" when it has left the queue. May be nil.
	Queued func(why string)
	// Started is called when the container runs. May be nil.
	Started func()
	// Ready is called when the application is ready, with what was observed until then. May be nil.
	Ready func(observe.Observation)
	// Stopping is called in parallel with the stop, with what was observed before it. May be nil.
	Stopping func(context.Context, observe.Observation)
}

// Outcome is what a run proves.
type Outcome string

// The outcomes. Only a run that Failed proves that something is needed.
const (
	Passed       Outcome = "passed"
	Failed       Outcome = "failed"
	Inconclusive Outcome = "inconclusive"
)

// Cause says why a run was inconclusive.
type Cause string

// The causes of an inconclusive run.
const (
	Abandoned   Cause = "abandoned"     // it stalled and was not given its whole limit
	Killed      Cause = "killed"        // something outside of the run sent SIGKILL
	OutOfMemory Cause = "out of memory" // the kernel killed it
	TracerLost  Cause = "tracer lost"   // the tracer ended before the container, which may have been to blame
	Unstable    Cause = "unstable"      // repeated, it did not fail in the same way
)

// Result is the result of a run.
type Result struct {
	Outcome     Outcome
	Cause       Cause
	Observation observe.Observation
	Took        time.Duration
	// Container has stopped, or is to be given up, and is not removed yet: the caller removes it. Nil where none was started.
	Container engine.Container
	// ChangesPending is set where docker diff was not collected because the tracer reports the phase of each path: the
	// caller may ask Container for it at leisure.
	ChangesPending bool
}

// Run makes one run. A failure of the application is in the result; an error is one of the engine, of the machine, or of
// ctx. The caller removes Result.Container, also after an error.
func Run(ctx context.Context, e engine.Engine, r Request) (Result, error) {
	ctx, watch := limited(ctx, r.Target.Timeout, r.Queued)
	defer watch.stop()
	r.Target.Untraced = r.Target.Untraced || !r.Protocol.Traced
	c, err := e.Start(ctx, r.Target, r.Facts, r.Profile)
	if err != nil {
		failure, logs, ok := startFailure(err)
		if !ok || ctx.Err() != nil {
			return Result{}, withCause(ctx, err)
		}
		return Result{Outcome: Failed, Observation: observe.Observation{Failure: failure, Logs: logs}, Took: watch.took()}, nil
	}
	if r.Started != nil {
		r.Started()
	}
	ctx, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	a := &attempt{Request: r, c: c, began: time.Now(), lose: lose}
	if a.Driver == nil {
		a.Driver = Commands{}
	}
	err = a.drive(ctx)
	res := Result{Observation: a.o, Took: watch.took(), Container: c, ChangesPending: a.changesPending && err == nil}
	res.Outcome, res.Cause = a.outcome()
	return res, withCause(ctx, err)
}

// startFailure returns the failure that a failed start shows of the profile or the pod; ok is false for any other error.
func startFailure(err error) (f observe.Failure, logs string, ok bool) {
	var seed *engine.SeedError
	var pod *engine.PodError
	switch {
	case errors.As(err, &seed):
		return observe.Failure{Kind: observe.SeedFailed, Phase: observe.Start, Path: seed.Path, Text: seed.Error()}, seed.Output, true
	case errors.As(err, &pod):
		return observe.Failure{Kind: observe.PodFailed, Phase: observe.Start, Text: pod.Error()}, pod.Output, true
	}
	return observe.Failure{}, "", false
}

// withCause returns err with the reason why ctx ended, if it has. A fault of the engine is the whole reason.
func withCause(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	switch {
	case cause == nil || errors.Is(err, cause):
		return err
	case err == nil || engine.IsFault(cause):
		return cause
	case engine.IsFault(err):
		return err
	}
	return &endedError{cause, err, ctx.Err()}
}

// endedError is an error of a run whose context has ended.
type endedError struct{ cause, err, ended error }

// Error returns the cause and what was under way. The words of package context say nothing more, and are left out.
func (e *endedError) Error() string {
	doing := strings.TrimSuffix(e.err.Error(), e.ended.Error())
	return strings.TrimSuffix(e.cause.Error()+": "+doing, ": ")
}

func (e *endedError) Unwrap() []error { return []error{e.cause, e.err} }

// TimeoutError is a run that took longer than the user allows.
type TimeoutError struct{ Limit time.Duration }

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("the run took longer than --timeout %s", e.Limit)
}
