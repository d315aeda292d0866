package trial

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/observe"
)

// attempt is a run in progress.
type attempt struct {
	Request
	c     engine.Container
	o     observe.Observation
	began time.Time               // of the current start
	gone  context.Context         // done when the container has exited
	lose  context.CancelCauseFunc // ends the run at once, for a fault of the engine

	changesPending bool
	abandoned      bool
	logsBefore     string // the logs before the restart
	marks          map[observe.Phase]string
}

// drive makes the run. A failure of the application is in a.o; an error is not the application's.
func (a *attempt) drive(ctx context.Context) error {
	failure, err := a.exercise(ctx)
	if err != nil {
		return err
	}
	a.o.Failure = failure
	return a.stop(ctx)
}

// exercise makes everything between the start and the stop.
func (a *attempt) exercise(ctx context.Context) (observe.Failure, error) {
	stop := a.watchExit(ctx)
	defer stop()
	a.begin(ctx, observe.Start)
	if failure, err := a.waitReady(ctx, observe.Start); err != nil || failure.Kind != "" {
		return failure, err
	}
	a.o.ReadyIn = time.Since(a.began)
	if err := a.snapshot(ctx, observe.Start); err != nil {
		return observe.Failure{}, err
	}
	if a.Ready != nil {
		a.Ready(a.seen())
	}
	a.begin(ctx, observe.E2E)
	if failure, err := a.exerciseOnce(ctx, observe.E2E); err != nil || failure.Kind != "" {
		return failure, err
	}
	if failure, err := a.soak(ctx); err != nil || failure.Kind != "" {
		return failure, err
	}
	if err := a.snapshot(ctx, observe.E2E); err != nil || a.Protocol.Restart == NoRestart {
		return observe.Failure{}, err
	}
	return a.restart(ctx)
}

// begin enters a phase: it names it to the tracer, and notes the logs until now.
func (a *attempt) begin(ctx context.Context, p observe.Phase) {
	a.c.Phase(p)
	if p == observe.Start {
		return
	}
	if logs, err := a.c.Logs(ctx); err == nil {
		if a.marks == nil {
			a.marks = map[observe.Phase]string{}
		}
		a.marks[p] = logs
	}
}

// restart kills PID 1, starts the container over the same mounts, and requires the application back.
func (a *attempt) restart(ctx context.Context) (observe.Failure, error) {
	a.begin(ctx, observe.Restart)
	a.logsBefore = a.marks[observe.Restart]
	if err := a.c.Restart(ctx, a.Protocol.Fresh...); err != nil {
		failure, _, ok := startFailure(err)
		if !ok {
			return observe.Failure{}, fmt.Errorf("restarting the container: %w", err)
		}
		failure.Phase, failure.Text = observe.Restart, "after a restart: "+failure.Text
		return failure, nil
	}
	stop := a.watchExit(ctx)
	defer stop()
	a.began = time.Now()
	failure, err := a.waitReady(ctx, observe.Restart)
	if err == nil && failure.Kind == "" && a.Protocol.Restart == RestartFull {
		failure, err = a.exerciseOnce(ctx, observe.Restart)
	}
	if failure.Kind != "" {
		failure.Text = "after PID 1 was killed and started again over the same mounts: " + failure.Text
	}
	return failure, err
}

// exerciseOnce lets the driver exercise the application.
func (a *attempt) exerciseOnce(ctx context.Context, p observe.Phase) (observe.Failure, error) {
	results, failure, err := a.Driver.Drive(ctx, Application{
		Target: a.Target, Container: a.c, Phase: p, Limit: limit(a.Protocol.Command),
		Exited: func(ctx context.Context, when string) (observe.Failure, error) { return a.exited(ctx, p, when) },
	})
	a.o.Commands = append(a.o.Commands, results...)
	return failure, err
}

// watchExit makes a.gone follow the container. A fault of the engine ends the run.
func (a *attempt) watchExit(ctx context.Context) (stop func()) {
	gone, exited := context.WithCancel(ctx)
	waiting, giveUp := context.WithCancel(ctx)
	a.gone = gone
	go func() {
		err := a.c.Wait(waiting)
		if err == nil {
			exited()
		}
		if engine.IsFault(err) {
			a.lose(err)
		}
	}()
	return func() { giveUp(); exited() }
}

// exited returns the failure of a container that does not run any more; when says at which moment.
func (a *attempt) exited(ctx context.Context, p observe.Phase, when string) (observe.Failure, error) {
	st, err := a.c.State(ctx)
	if err != nil {
		return observe.Failure{}, fmt.Errorf("reading the container's state: %w", err)
	}
	if st.Other != "" {
		return observe.Failure{Kind: observe.PodFailed, Phase: p, Text: st.Other + " " + when}, nil
	}
	if st.Running || a.Target.Completes && st.Exit.Code == 0 && st.Exit.Error == "" {
		return observe.Failure{}, nil
	}
	text := fmt.Sprintf("exited %d %s", st.Exit.Code, when)
	if st.Exit.OOMKilled {
		text = "ran out of memory " + when
	}
	if st.Exit.Error != "" {
		text += ": " + firstLine(st.Exit.Error)
	}
	return observe.Failure{Kind: observe.Exited, Phase: p, Text: text}, nil
}

// soak keeps the application running.
func (a *attempt) soak(ctx context.Context) (observe.Failure, error) {
	if a.Target.Soak <= 0 {
		return observe.Failure{}, nil
	}
	ended := a.gone.Done()
	if a.Target.Completes {
		ended = ctx.Done() // it has ended; what comes after it soaks
	}
	select {
	case <-time.After(a.Target.Soak):
	case <-ended:
	}
	if ctx.Err() != nil {
		return observe.Failure{}, context.Cause(ctx)
	}
	return a.exited(ctx, observe.E2E, "during the soak")
}

// stop stops the container gently and notes what the stop showed.
func (a *attempt) stop(ctx context.Context) error {
	if usage, err := a.c.Usage(ctx); err == nil {
		a.o.Usage = usage
	}
	a.begin(ctx, observe.Stop)
	st, err := a.c.State(ctx)
	if err != nil {
		return fmt.Errorf("reading the container's state: %w", err)
	}
	a.o.Hostname = st.Hostname
	exit, phase := st.Exit, cmp.Or(a.o.Failure.Phase, observe.Stop)
	g, gctx := errgroup.WithContext(ctx)
	if a.Stopping != nil {
		seen := a.seen()
		g.Go(func() error { a.Stopping(gctx, seen); return nil })
	}
	if st.Running {
		phase = observe.Stop
		g.Go(func() (err error) {
			if exit, err = a.c.Stop(gctx); err != nil {
				return fmt.Errorf("stopping the container: %w", err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	exit.Phase = phase
	a.o.Exit = &exit
	return a.collect(ctx)
}

// seen returns a copy of what was observed until now.
func (a *attempt) seen() observe.Observation {
	seen := a.o
	seen.Changes, seen.Processes = slices.Clone(a.o.Changes), slices.Clone(a.o.Processes)
	seen.Listening, seen.Connections = slices.Clone(a.o.Listening), slices.Clone(a.o.Connections)
	seen.Writes, seen.Trace = a.c.Writes()
	return seen
}

// collect notes what is known only after the stop.
func (a *attempt) collect(ctx context.Context) (err error) {
	if a.Protocol.Changes && !a.changesPending {
		if err := a.collectChanges(ctx, observe.Stop); err != nil {
			return err
		}
	}
	if a.o.Logs, err = a.c.Logs(ctx); err != nil {
		return fmt.Errorf("reading the container's logs: %w", err)
	}
	for p, said := range a.marks {
		if strings.HasPrefix(a.o.Logs, said) {
			if a.o.LogStart == nil {
				a.o.LogStart = map[observe.Phase]int{}
			}
			a.o.LogStart[p] = len(said)
		}
	}
	a.o.Writes, a.o.Trace = a.c.Writes()
	a.o.DeniedPorts = a.c.DeniedPorts()
	return a.collectConnections(ctx)
}

// outcome returns what the run proves by itself.
func (a *attempt) outcome() (Outcome, Cause) {
	const sigkill = 128 + 9
	exit := a.o.Exit
	switch {
	case a.o.Passed():
		return Passed, ""
	case a.abandoned:
		return Inconclusive, Abandoned
	case a.o.Trace.Broken:
		return Inconclusive, TracerLost
	case exit != nil && exit.OOMKilled:
		return Inconclusive, OutOfMemory
	case exit != nil && exit.Code == sigkill && exit.Phase != observe.Stop:
		return Inconclusive, Killed
	}
	return Failed, ""
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return s
}
