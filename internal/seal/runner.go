package seal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

// runner makes the trials of one target and records them. It is safe for concurrent use.
type runner struct {
	began    time.Time
	engine   engine.Engine
	target   target.Target
	facts    image.Facts
	say      func(format string, args ...any)
	running  func(trial string) (end func())                       // may be nil
	admit    func(ctx context.Context) (release func(), err error) // may be nil
	ledger   *ledger
	removals *trial.Removals
	flights  *flights
}

// attempt is one trial to make.
type attempt struct {
	name     string
	profile  profile.Profile
	protocol trial.Protocol
	patience trial.Patience
	sealed   bool // it is one of the numbered sealed runs
	proof    bool // a failure is a proof that something is needed
	once     bool // a failure counts at once, and is no proof
	// before is the failure of an earlier trial that this one differs from by a guess alone: the same failure counts at once, and
	// is no proof. Kind is "" if there was none.
	before observe.Failure
	more   int // about how many trials follow if it passes; 0 if that is not known
	// judge decides on the result of one run; nil takes it as it is.
	judge func(Round) Round
	// explained reports whether something in a failed run explains its failure; nil where no failure is repeated.
	explained func(observe.Observation) bool
	// blank is why the run cannot be made at all: a mount that no init container can make. Kind is "" where it can.
	blank observe.Failure

	started  func()
	ready    func(observe.Observation)
	stopping func(context.Context, observe.Observation)
	// late receives what asks for docker diff, once the run has ended, where the run left that to later. May be nil.
	late func(ask func(context.Context) ([]observe.Change, error))
}

// unrepeated returns the trial without repetitions of a failure, which is no proof then. Disturbances are still repeated.
func (a attempt) unrepeated() attempt {
	a.proof, a.once = false, true
	return a
}

// asProof returns the trial as one whose failure is a proof.
func (a attempt) asProof() attempt {
	a.proof, a.once, a.before = true, false, observe.Failure{}
	return a
}

// try makes a trial, or returns the round that settles it already. A failure that nothing explains, a kill from outside
// and a lack of memory are repeated before they count. Equal trials at the same time are made once.
func (r runner) try(ctx context.Context, a attempt) (Round, error) {
	for {
		if found, ok := r.ledger.find(a.profile, a.protocol, a.proof); ok {
			return found, nil
		}
		f, mine := r.flights.join(a.profile, a.protocol)
		if !mine {
			select {
			case <-f.done:
				continue // it is recorded, or it was canceled and is begun again
			case <-ctx.Done():
				return Round{}, context.Cause(ctx)
			}
		}
		defer r.flights.leave(f)
		return r.repeat(ctx, a)
	}
}

// repeat makes a trial until its result counts: until it passed, or failed often enough in the same way.
func (r runner) repeat(ctx context.Context, a attempt) (Round, error) {
	o, err := r.once(ctx, a)
	if err != nil || a.explained == nil {
		return o, err
	}
	name, same, runs := a.name, 1+r.ledger.seen(o), 1
	for same < r.needed(a, o) && runs < maxRuns {
		r.ledger.update(o.place, func(o *Round) { o.repeated = true })
		r.say("%s: the failure may be a disturbance, so the trial is repeated", a.name)
		a.name, a.sealed = name+", repeated", false
		if o.Cause == trial.TracerLost {
			a.name, a.protocol = name+", repeated untraced", a.protocol.Untraced()
		}
		next, err := r.once(ctx, a)
		if err != nil {
			return next, err
		}
		if next.Observation.Failure.Same(o.Observation.Failure) {
			same++
		} else {
			same = 1
			r.ledger.noteUnstable()
		}
		o, runs = next, runs+1
	}
	settled := r.settle(o, runs, same, same < r.needed(a, o))
	if settled.unproved = settled.Outcome == trial.Failed && same < r.needed(a.asProof(), o); settled.unproved {
		r.ledger.update(o.place, func(at *Round) { at.unproved = true })
	}
	return settled, nil
}

// settle gives a repeated round its outcome: a failure that was seen often enough in a row has failed. A kill from outside
// stays inconclusive however often it was seen, and so does an abandoned run.
func (r runner) settle(o Round, runs, same int, unstable bool) Round {
	if o.Passed() || same == 1 && runs == 1 {
		return o
	}
	o.reproduced = same > 1
	switch {
	case unstable:
		o.Outcome, o.Cause = trial.Inconclusive, trial.Unstable
	case o.Cause != trial.Killed && o.Cause != trial.Abandoned:
		o.Outcome, o.Cause = trial.Failed, ""
	}
	r.ledger.update(o.place, func(at *Round) { at.Outcome, at.Cause, at.reproduced = o.Outcome, o.Cause, o.reproduced })
	return o
}

// needed returns how often a trial must end in the same way for its result to count.
func (r runner) needed(a attempt, o Round) int {
	f := o.Observation.Failure.Kind
	vain := a.before.Kind != "" && o.Outcome == trial.Failed && o.Observation.Failure.Same(a.before)
	command := f == observe.CommandFailed || f == observe.CommandTimeout
	switch {
	case o.Cause == trial.Killed || o.Cause == trial.OutOfMemory || o.Cause == trial.TracerLost:
		return otherFailures
	case o.Outcome != trial.Failed, vain:
		return 1
	case command && r.ledger.unstable():
		return unstableFailures
	case a.once:
		return 1
	case command && !a.explained(o.Observation) && a.profile.User.UID != 0: // with root the target is not sealable in any case
		return commandFailures
	case command && a.proof, !a.explained(o.Observation):
		return otherFailures
	}
	return 1
}

// once makes one run and records it. An engine error is tried once more.
func (r runner) once(ctx context.Context, a attempt) (Round, error) {
	if ctx.Err() != nil { // no trial begins once the seal is given up
		return Round{}, fmt.Errorf("%s: %w", a.name, context.Cause(ctx))
	}
	place, step := r.ledger.begin(a.more)
	r.say("%s: %s: %s", step, a.name, describe(a.profile))
	if r.running != nil {
		defer r.running(a.name + ", " + step)()
	}
	round, err := r.run(ctx, a)
	var timeout *trial.TimeoutError
	if err != nil && ctx.Err() == nil && a.late == nil && !errors.As(err, &timeout) {
		r.say("%s: %v; trying again", a.name, err)
		round, err = r.run(ctx, a)
	}
	if err != nil {
		return Round{}, fmt.Errorf("%s: %w", a.name, err)
	}
	round.place = place
	if a.judge != nil {
		round = a.judge(round)
	}
	if ctx.Err() != nil {
		return Round{}, fmt.Errorf("%s: %w", a.name, context.Cause(ctx))
	}
	r.ledger.add(round)
	if round.Passed() {
		r.say("%s: passed in %s", a.name, round.Took.Round(100*time.Millisecond))
	} else {
		r.say("%s: %s", a.name, round.Observation.Failure.Text)
	}
	return round, nil
}

// run makes one run. Its container is removed while the next one starts.
func (r runner) run(ctx context.Context, a attempt) (Round, error) {
	round := Round{Name: a.name, Profile: a.profile, Protocol: a.protocol, sealed: a.sealed}
	if a.blank.Kind != "" {
		round.Outcome, round.Observation = trial.Failed, observe.Observation{Failure: a.blank}
		return round, nil
	}
	release := func() {}
	if r.admit != nil {
		var err error
		if release, err = r.admit(ctx); err != nil {
			return Round{}, err
		}
	}
	round.Began = time.Since(r.began)
	res, err := trial.Run(ctx, r.engine, trial.Request{
		Target: r.target, Facts: r.facts, Profile: a.profile, Protocol: a.protocol, Patience: a.patience,
		Started: a.started, Ready: a.ready, Stopping: a.stopping, Queued: func(why string) { r.sayQueued(a.name, why) },
	})
	r.dispose(ctx, res, a.late, release)
	if err != nil {
		return Round{}, err
	}
	round.Outcome, round.Cause, round.Observation, round.Took = res.Outcome, res.Cause, res.Observation, res.Took
	round.pendingChanges = res.ChangesPending
	return round, nil
}

// sayQueued reports that the engine has queued a run and why, or with "" that the run has left the queue.
func (r runner) sayQueued(name, why string) {
	if why == "" {
		r.say("%s: no longer queued", name)
		return
	}
	r.say("%s: queued: %s", name, why)
}

// dispose removes the container of a run, after docker diff has been asked for where the run left that to later. Then it
// calls release.
func (r runner) dispose(ctx context.Context, res trial.Result, late func(func(context.Context) ([]observe.Change, error)), release func()) {
	if res.Container == nil {
		release()
		return
	}
	last := func() {}
	if late != nil && res.ChangesPending {
		last = func() { late(res.Container.Changes) }
	}
	if r.target.Pod != nil { // its other containers run until it is removed, which must not wait
		last()
		last = func() {}
	}
	r.removals.Begin(ctx, res.Container, last, release)
}

// flights are the trials that are being made.
type flights struct {
	mu  sync.Mutex
	all []*flight
}

type flight struct {
	profile  profile.Profile
	protocol trial.Protocol
	done     chan struct{}
}

// join returns the flight of an equal trial, or a new one that is the caller's own.
func (f *flights) join(p profile.Profile, proto trial.Protocol) (_ *flight, mine bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.all {
		if o.profile.Equal(p) && o.protocol.Implies(proto) && proto.Implies(o.protocol) {
			return o, false
		}
	}
	own := &flight{profile: p, protocol: proto, done: make(chan struct{})}
	f.all = append(f.all, own)
	return own, true
}

// leave ends a flight.
func (f *flights) leave(own *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, o := range f.all {
		if o == own {
			f.all = append(f.all[:i], f.all[i+1:]...)
			break
		}
	}
	close(own.done)
}
