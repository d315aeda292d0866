package trial

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/probe"
	"github.com/podseal/podseal/internal/target"
)

// waitReady waits until every readiness condition holds. The failure says that they did not within the limit, or that the
// container exited.
func (a *attempt) waitReady(ctx context.Context, p observe.Phase) (observe.Failure, error) {
	alive := a.gone
	if a.Target.Completes {
		if failure, err := a.completed(ctx, p); failure.Kind != "" || err != nil {
			return failure, err
		}
		alive = ctx
	}
	checks, err := probe.Checks(ctx, a.source(p))
	if err != nil {
		return observe.Failure{}, err
	}
	within, cancel := context.WithTimeout(alive, limit(a.Protocol.Ready))
	defer cancel()
	stalled := a.watchStall(within, cancel)
	missing, err := probe.Wait(within, checks)
	after := stalled()
	if err != nil {
		return observe.Failure{}, err
	}
	if failure, err := a.exited(ctx, p, "before it was ready"); failure.Kind != "" || err != nil || missing == "" {
		return failure, err
	}
	if ctx.Err() != nil {
		return observe.Failure{}, context.Cause(ctx)
	}
	text := fmt.Sprintf("not ready after %s: %s", limit(a.Protocol.Ready).Round(time.Second), missing)
	if a.abandoned = after > 0; a.abandoned {
		text = fmt.Sprintf("not ready after %s, and stalled: %s", after.Round(time.Second), missing)
	}
	return observe.Failure{Kind: observe.NotReady, Phase: p, Text: text}, nil
}

func (a *attempt) source(p observe.Phase) probe.Source {
	s := Source(a.Target, a.c, a.began)
	s.LogsBefore = a.logsBefore
	s.Command = commandOf(a.Target, a.c, p)
	return s
}

// Source returns what the readiness checks of a container that has just started are made from.
func Source(t target.Target, c engine.Container, began time.Time) probe.Source {
	return probe.Source{Target: t, Container: c, Began: began, Command: commandOf(t, c, observe.Start)}
}

func commandOf(t target.Target, c engine.Container, p observe.Phase) func(context.Context, target.Command) (int, error) {
	return func(ctx context.Context, cmd target.Command) (int, error) {
		res, err := execute(ctx, t, c, cmd, p)
		return res.Code, err
	}
}

// watchStall cancels ready when the run stalls. The function that it returns ends the watch, and returns when the run was
// abandoned, from its start; 0 where it was not.
func (a *attempt) watchStall(within context.Context, cancel context.CancelFunc) (stalled func() time.Duration) {
	if a.Patience.After <= 0 || a.Target.Completes {
		return func() time.Duration { return 0 }
	}
	ctx, done := context.WithCancel(within)
	after := make(chan time.Duration, 1)
	w := stallWatch{patience: a.Patience, c: a.c}
	go func() {
		at := w.watch(ctx)
		if at > 0 {
			cancel()
		}
		after <- at
	}()
	return func() time.Duration { done(); return <-after }
}

// completed waits for the end of a container that is meant to end, and starts what comes after it in its pod.
func (a *attempt) completed(ctx context.Context, p observe.Phase) (observe.Failure, error) {
	ready := limit(a.Protocol.Ready)
	select {
	case <-a.gone.Done():
	case <-time.After(ready):
		text := fmt.Sprintf("it should run to its end, and had not ended after %s (see --ready-timeout)", ready.Round(time.Second))
		return observe.Failure{Kind: observe.NotReady, Phase: p, Text: text}, nil
	}
	if ctx.Err() != nil {
		return observe.Failure{}, context.Cause(ctx)
	}
	if failure, err := a.exited(ctx, p, "where it should have ended well"); failure.Kind != "" || err != nil {
		return failure, err
	}
	err := a.c.Proceed(ctx)
	var pod *engine.PodError
	if errors.As(err, &pod) {
		return observe.Failure{Kind: observe.PodFailed, Phase: p, Text: pod.Error()}, nil
	}
	return observe.Failure{}, err
}
