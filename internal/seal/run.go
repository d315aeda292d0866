package seal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// runner runs a target under profiles. One runner serves all rounds of a target.
type runner struct {
	engine Engine
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
	var seed *SeedError
	if errors.As(err, &seed) {
		return observe.Observation{Failure: seed.Error(), FailedIn: observe.Start, FailedSeed: seed.Path, Logs: seed.Output}, nil
	}
	var pod *PodError
	if errors.As(err, &pod) {
		return observe.Observation{Failure: pod.Error(), FailedIn: observe.Start, Logs: pod.Output}, nil
	}
	if err != nil {
		return observe.Observation{}, err
	}
	one := &oneRun{runner: r, c: c, limits: l, began: time.Now()}
	err = one.drive(ctx)
	r.removals.begin(ctx, c)
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
	c     Container
	o     observe.Observation
	began time.Time
	gone  context.Context // done when the container has exited
	// asksLate is set where docker diff is asked while the container stops, and not before.
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
		var seed *SeedError
		var pod *PodError
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

// look notes what can be seen of the running container now.
func (r *oneRun) look(ctx context.Context, phase observe.Phase) error {
	if r.changesNow() {
		if err := r.collectChanges(ctx, phase); err != nil {
			return err
		}
	}
	procs, err := r.c.Processes(ctx)
	if err != nil {
		return r.unlessGone(ctx, fmt.Errorf("listing the processes: %w", err))
	}
	r.o.Processes = mergeProcesses(r.o.Processes, procs)
	ports, err := r.c.Listening(ctx)
	if err != nil && !errors.Is(err, ErrCannotLook) {
		return r.unlessGone(ctx, fmt.Errorf("listing the listening ports: %w", err))
	}
	r.o.Listening = append(r.o.Listening, ports...)
	slices.Sort(r.o.Listening)
	r.o.Listening = slices.Compact(r.o.Listening)
	return nil
}

// unlessGone forgives an error that only comes from the container, or another of its pod, having exited meanwhile. One
// that runs to its end has exited well when others are asked.
func (r *oneRun) unlessGone(ctx context.Context, err error) error {
	st, serr := r.c.State(ctx)
	if serr == nil && (st.Other != "" || !st.Running && !r.target.Completes) {
		return nil
	}
	return err
}

// changesNow tells whether docker diff has to be asked in each phase, since nothing else tells what happened when. It
// walks the whole image; where the tracer tells, it is asked once, while the container stops.
func (r *oneRun) changesNow() bool {
	_, traced := r.c.Writes()
	r.asksLate = r.diff && traced.On && traced.Lost == 0
	return r.diff && !r.asksLate
}

// collectChanges adds the changes of docker diff now; each path keeps the first phase that showed it.
func (r *oneRun) collectChanges(ctx context.Context, phase observe.Phase) error {
	changes, err := r.c.Changes(ctx)
	if err != nil {
		return fmt.Errorf("reading the container's changes: %w", err)
	}
	r.addChanges(changes, func(string) observe.Phase { return phase })
	return nil
}

// addChanges adds what docker diff said, with the phase of each path.
func (r *oneRun) addChanges(changes []observe.Change, phase func(path string) observe.Phase) {
	for _, c := range changes {
		at, found := slices.BinarySearchFunc(r.o.Changes, c, byPath)
		if found {
			r.o.Changes[at].Dir = r.o.Changes[at].Dir || c.Dir
			continue
		}
		c.Phase = phase(c.Path)
		r.o.Changes = slices.Insert(r.o.Changes, at, c)
	}
}

// tracedPhase tells in which phase a path was first written, by the trace.
func (r *oneRun) tracedPhase() func(path string) observe.Phase {
	first := map[string]observe.Phase{}
	for _, w := range r.o.Writes {
		for _, p := range []string{w.Path, w.To} {
			if was, ok := first[p]; !ok || diff.Before(w.Phase, was) {
				first[p] = w.Phase
			}
		}
	}
	return func(path string) observe.Phase { return cmp.Or(first[path], observe.E2E) }
}

func byPath(a, b observe.Change) int { return strings.Compare(a.Path, b.Path) }

func mergeProcesses(all, more []observe.Process) []observe.Process {
	for _, p := range more {
		same := func(q observe.Process) bool {
			return q.UID == p.UID && q.GID == p.GID && q.Command == p.Command && q.Main == p.Main
		}
		if !slices.ContainsFunc(all, same) {
			all = append(all, p)
		}
	}
	return all
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
	var changes []observe.Change
	g, gctx := errgroup.WithContext(ctx)
	if r.asksLate {
		g.Go(func() (err error) {
			if changes, err = r.c.Changes(gctx); err != nil {
				return fmt.Errorf("reading the container's changes: %w", err)
			}
			return nil
		})
	}
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
	r.addChanges(changes, r.tracedPhase())
	return nil
}
