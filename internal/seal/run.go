package seal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// runner runs a target under profiles. One runner serves all rounds of a target.
type runner struct {
	engine engine.Engine
	target target.Target
	facts  image.Facts

	removals *removals
}

// limits bound one run.
type limits struct {
	ready, command time.Duration
	restart        bool     // kill PID 1 after the commands, and want the application back
	fresh          []string // mounts that lose their content before it starts again
	readyOnly      bool     // after the restart, readiness is enough
	diff           bool     // collect docker diff: the root filesystem is writable
	// started is called when the container runs. May be nil.
	started func()
	// late takes docker diff, which is asked after the run where the tracer tells when what happened. It returns what
	// asks. May be nil.
	late func(askLate) func()
	// stopping is called while the container stops, with what was seen before. May be nil.
	stopping func(context.Context, observe.Observation)
}

// run is one run: start, ready, commands, soak, restart, stop. What the application does wrong is in the observation;
// an error is one of the engine, of the machine, or of ctx.
func (r runner) run(ctx context.Context, p profile.Profile, l limits) (observe.Observation, error) {
	if r.target.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, r.target.Timeout, fmt.Errorf("the run took longer than --timeout %s", r.target.Timeout))
		defer cancel()
	}
	c, err := r.engine.Start(ctx, r.target, r.facts, p)
	if err != nil && ctx.Err() != nil {
		return observe.Observation{}, because(ctx, err)
	}
	var seed *engine.SeedError
	if errors.As(err, &seed) {
		return observe.Observation{Failure: seed.Error(), FailedIn: observe.Start, FailedSeed: seed.Path, Logs: seed.Output}, nil
	}
	var pod *engine.PodError
	if errors.As(err, &pod) {
		return observe.Observation{Failure: pod.Error(), FailedIn: observe.Start, Logs: pod.Output}, nil
	}
	if err != nil {
		return observe.Observation{}, err
	}
	if l.started != nil {
		l.started()
	}
	one := &oneRun{runner: r, c: c, limits: l, began: time.Now()}
	err = one.drive(ctx)
	ask := func() {}
	if one.asksLate && err == nil {
		ask = l.late(one.changes)
	}
	if r.target.Pod != nil { // its other containers run until it is removed, which must not wait
		ask()
		ask = func() {}
	}
	r.removals.begin(ctx, c, ask)
	return one.o, because(ctx, err)
}

// because is the error of a run, with the reason where its context has ended.
func because(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause == nil || errors.Is(err, cause) {
		return err
	}
	if err == nil {
		return cause
	}
	return fmt.Errorf("%w: %w", cause, err)
}

// oneRun is a run in progress.
type oneRun struct {
	runner
	limits
	c     engine.Container
	o     observe.Observation
	began time.Time
	gone  context.Context // done when the container has exited
	// asksLate is set where docker diff is asked when the container has stopped, and not before.
	asksLate bool
	said     string // the logs before the restart: what they say is no sign that it is back
}

func (r *oneRun) drive(ctx context.Context) error {
	failure, phase, err := r.exercise(ctx)
	if err != nil {
		return err
	}
	if err := r.stop(ctx); err != nil {
		return err
	}
	r.o.Failure, r.o.FailedIn = failure, phase
	return nil
}

// exercise is everything between the start and the stop. The failure is the application's, the error is not.
func (r *oneRun) exercise(ctx context.Context) (failure string, in observe.Phase, err error) {
	stop := r.watch(ctx)
	defer stop()
	r.c.Phase(observe.Start)
	if failure, err = r.waitReady(ctx); err != nil || failure != "" {
		return failure, observe.Start, err
	}
	r.o.ReadyIn = time.Since(r.began)
	if err := r.look(ctx, observe.Start); err != nil {
		return "", "", err
	}
	r.c.Phase(observe.E2E)
	if failure, err = r.commands(ctx, observe.E2E); err != nil || failure != "" {
		return failure, observe.E2E, err
	}
	if failure, err = r.soak(ctx); err != nil || failure != "" {
		return failure, observe.E2E, err
	}
	if err := r.look(ctx, observe.E2E); err != nil {
		return "", "", err
	}
	if !r.restart {
		return "", "", nil
	}
	return r.again(ctx)
}

// again kills PID 1, starts the container over the same mounts and wants the application back.
func (r *oneRun) again(ctx context.Context) (failure string, in observe.Phase, err error) {
	r.c.Phase(observe.Restart)
	if r.said, err = r.c.Logs(ctx); err != nil {
		return "", "", fmt.Errorf("reading the container's logs: %w", err)
	}
	if err := r.c.Restart(ctx, r.fresh...); err != nil {
		var seed *engine.SeedError
		var pod *engine.PodError
		if errors.As(err, &seed) || errors.As(err, &pod) {
			return "after a restart: " + err.Error(), observe.Restart, nil
		}
		return "", "", fmt.Errorf("restarting the container: %w", err)
	}
	stop := r.watch(ctx)
	defer stop()
	r.began = time.Now()
	if failure, err = r.waitReady(ctx); err != nil {
		return "", "", err
	}
	if failure == "" && !r.readyOnly {
		failure, err = r.commands(ctx, observe.Restart)
	}
	if failure != "" {
		failure = "after PID 1 was killed and started again over the same mounts: " + failure
	}
	return failure, observe.Restart, err
}

// watch makes r.gone follow the container.
func (r *oneRun) watch(ctx context.Context) (stop func()) {
	gone, exited := context.WithCancel(ctx)
	waiting, give := context.WithCancel(ctx)
	r.gone = gone
	go func() {
		if err := r.c.Wait(waiting); err == nil {
			exited()
		}
	}()
	return func() { give(); exited() }
}

// stop stops the container gently and notes what the stop showed.
func (r *oneRun) stop(ctx context.Context) error {
	usage, err := r.c.Usage(ctx)
	if err == nil {
		r.o.Usage = usage
	}
	r.c.Phase(observe.Stop)
	st, err := r.c.State(ctx)
	if err != nil {
		return fmt.Errorf("reading the container's state: %w", err)
	}
	phase := cmp.Or(r.o.FailedIn, observe.Stop)
	exit := st.Exit
	g, gctx := errgroup.WithContext(ctx)
	if r.stopping != nil {
		seen := r.o
		seen.Writes, seen.Trace = r.c.Writes()
		g.Go(func() error { r.stopping(gctx, seen); return nil })
	}
	if st.Running {
		phase = observe.Stop
		g.Go(func() (err error) {
			if exit, err = r.c.Stop(gctx); err != nil {
				return fmt.Errorf("stopping the container: %w", err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	exit.Phase = phase
	r.o.Exit = &exit
	if r.diff && !r.asksLate {
		if err := r.collectChanges(ctx, observe.Stop); err != nil {
			return err
		}
	}
	if r.o.Logs, err = r.c.Logs(ctx); err != nil {
		return fmt.Errorf("reading the container's logs: %w", err)
	}
	r.o.Writes, r.o.Trace = r.c.Writes()
	r.o.DeniedPorts = r.c.DeniedPorts()
	return nil
}
