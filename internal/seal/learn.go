package seal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/trial"
)

// knowledge holds the facts about a target after its open run.
type knowledge struct {
	in     plan.Input // with the open run
	open   observe.Observation
	advice *Advice
	// traced is set if sealed runs are traced: the tracer works, and the application passes under it.
	traced bool
	job    bool // the open run showed that the application runs to completion
}

// cannotMake returns the failure of a profile with a mount that no init container can make.
func (k knowledge) cannotMake(p profile.Profile) observe.Failure {
	if p.Open {
		return observe.Failure{}
	}
	for _, m := range p.Mounts {
		if why := k.in.Seeding.Cannot(m); why != "" {
			return observe.Failure{Kind: observe.SeedFailed, Phase: observe.Start, Path: m.Path, Text: why}
		}
	}
	return observe.Failure{}
}

// files holds the parts of the image that are read in parallel with the open run.
type files struct {
	tree    engine.TreeCloser
	users   image.Users
	seeding plan.Seeding
	all     bool // all of them were read
}

// learn runs the target unsealed and reads the image's files in parallel. It tries the first plan while docker diff of the open
// run is pending: diff walks the whole image, and seldom changes the plan. closeTree is never nil.
func (r runner) learn(ctx context.Context, o Options) (_ runner, k knowledge, closeTree func(), err error) {
	l := &learning{
		runner: r, opts: o, opened: make(chan struct{}), diffs: make(chan lateChanges, 1), planned: make(chan struct{}),
	}
	l.adviseNow = sync.OnceFunc(func() { close(l.planned) })
	closeTree = l.closeTree
	open, err := l.openRun(ctx)
	if err == nil {
		open, err = l.retryOpen(ctx, open)
	}
	if err != nil {
		l.wait()
		return r, k, closeTree, err
	}
	k = l.knowledge(open.Observation)
	if open.Passed() && l.pending && l.predictable(k) {
		err = l.trySpeculatively(ctx, k)
	}
	l.wait()
	if err = cmp.Or(err, l.adviceErr, l.late.err); err != nil {
		return r, k, closeTree, err
	}
	if l.late.changes != nil {
		k.open.Changes = trial.MergeChanges(k.open.Changes, l.late.changes, tracedPhase(k.open.Writes))
		l.ledger.update(open.place, func(o *Round) { o.Observation.Changes = k.open.Changes })
		k.in.Open = k.open
	}
	if k.advice = l.advice; k.advice != nil {
		k.in.Advised = k.advice.Users
	}
	return l.runner, k, closeTree, nil
}

// learning is the state of learn.
type learning struct {
	runner
	opts   Options
	read   files
	opened chan struct{}       // closed when read is there, or cannot be had
	first  observe.Observation // what the first open run showed
	early  *speculation        // nil if there is none

	planning sync.Mutex // held for an early plan: the next one finds the files that it has read

	planned   chan struct{} // closed when the early plan has read the image's files, or there is none
	adviseNow func()        // closes planned
	advising  sync.WaitGroup
	advice    *Advice
	adviceErr error
	untraced  bool
	job       bool
	// pending is set while docker diff of the stopped open run is requested; the answer arrives in diffs.
	pending bool
	diffs   chan lateChanges
	late    lateChanges
}

// lateChanges is docker diff of the stopped open run.
type lateChanges struct {
	changes []observe.Change
	err     error
}

// openRun makes the open run, and reads the image's files in parallel.
func (l *learning) openRun(ctx context.Context) (open Round, err error) {
	g, within := errgroup.WithContext(ctx)
	g.Go(func() error { return l.readFiles(within, ctx) })
	g.Go(func() (err error) {
		defer l.adviseNow()
		a := l.openTrial(ctx, "open run")
		if !l.opts.PlanOnly {
			a.started = func() { l.removals.Go(func() { l.engine.Prewarm(ctx, l.facts, oneMount) }) }
			a.ready = func(o observe.Observation) { g.Go(func() error { l.readAhead(within, o); return nil }) }
			a.stopping = func(stopping context.Context, o observe.Observation) { l.prewarm(stopping, ctx, o) }
		}
		open, err = l.once(within, a)
		l.pending, l.first = open.pendingChanges, open.Observation
		return err
	})
	return open, g.Wait()
}

// oneMount is what most applications need. Volumes for it are made before the plan is known.
var oneMount = profile.Profile{Mounts: []profile.Mount{{Path: "/", Kind: profile.Plain}}}

func (l *learning) openTrial(ctx context.Context, name string) attempt {
	return attempt{
		name: name, profile: profile.Unrestricted(),
		protocol: trial.Protocol{Traced: !l.untraced && !l.target.Untraced, Ready: l.target.Ready.Timeout, Changes: true},
		late: func(ask func(context.Context) ([]observe.Change, error)) {
			changes, err := ask(ctx)
			l.diffs <- lateChanges{changes, err}
		},
	}
}

// retryOpen repeats a failed open run in another way if its failure suggests one: untraced if the tracer was lost or a setuid
// program ran, because the tracer sets no_new_privs; as a job if the container exited 0 before it was ready; unchanged if it
// was killed.
func (l *learning) retryOpen(ctx context.Context, open Round) (Round, error) {
	name := ""
	switch exit := open.Observation.Exit; {
	case open.Passed():
		return open, nil
	case open.Cause == trial.TracerLost, open.Observation.Trace.On && open.Observation.Trace.Note != "":
		l.untraced, name = true, "open run, untraced"
	case open.Cause == trial.Killed || open.Cause == trial.OutOfMemory:
		name = "open run, repeated"
	case !l.target.Completes && exit != nil && exit.Code == 0 && exit.Phase == observe.Start && exit.Error == "":
		l.job, l.target.Completes, name = true, true, "open run of a job"
	default:
		return open, nil
	}
	if l.pending {
		<-l.diffs // the diff of the failed run
	}
	again, err := l.once(ctx, l.openTrial(ctx, name))
	l.pending = again.pendingChanges
	return again, err
}

// readFiles opens the image's files, reads the accounts and the programs that every plan needs, and starts the advice. Its own
// work ends with ctx, the advice with lasting.
func (l *learning) readFiles(ctx, lasting context.Context) (err error) {
	defer close(l.opened)
	f := files{all: true}
	if f.tree, err = l.engine.Tree(ctx, l.facts); err != nil {
		return err
	}
	l.read.tree = f.tree
	if f.users, err = image.ReadUsers(ctx, f.tree); err != nil {
		return err
	}
	if f.seeding, err = plan.ChooseSeeding(ctx, l.facts, f.tree, l.opts.SeedOffers[l.target.Platform]); err != nil {
		return err
	}
	l.read = f
	if l.opts.Advise != nil {
		l.advising.Go(func() {
			<-l.planned // the engine reads one file after the other
			l.advice, l.adviceErr = l.opts.Advise(lasting, l.target, l.facts, f.tree)
		})
	}
	return nil
}

// InspectSeedImage returns an image as an offer for the init containers of images without a shell.
func InspectSeedImage(ctx context.Context, e engine.Engine, name, platform string) (offer plan.SeedOffer, err error) {
	facts, err := e.Image(ctx, name, platform)
	if err != nil {
		return offer, err
	}
	tree, err := e.Tree(ctx, facts)
	if err != nil {
		return offer, fmt.Errorf("reading the files of image %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, tree.Close(ctx)) }()
	lacks, err := plan.Lacks(ctx, facts, tree)
	return plan.SeedOffer{Image: cmp.Or(facts.Digest, name), Lacks: lacks}, err
}

// knowledge returns the facts about the target after the open run.
func (l *learning) knowledge(open observe.Observation) knowledge {
	in := plan.Input{Target: l.target, Facts: l.facts, Tree: l.read.tree, Users: l.read.users, Seeding: l.read.seeding, Open: open}
	return knowledge{in: in, open: open, traced: open.Trace.On && !l.untraced, job: l.job}
}

// wait ends the early trial, and waits for docker diff and the advice, which run in parallel with the first trial.
func (l *learning) wait() {
	l.early.end()
	if l.pending {
		l.late = <-l.diffs
	}
	l.advising.Wait()
}

func (l *learning) closeTree() {
	if l.read.tree != nil {
		_ = l.read.tree.Close(context.Background()) // a later sweep by label removes leftovers
	}
}

// tracedPhase returns a function for the phase that first wrote a path, by the trace; E2E for a path that the trace lacks.
func tracedPhase(writes []observe.Write) func(path string) observe.Phase {
	first := map[string]observe.Phase{}
	for _, w := range writes {
		for _, p := range []string{w.Path, w.To} {
			if was, ok := first[p]; !ok || diff.Earlier(w.Phase, was) {
				first[p] = w.Phase
			}
		}
	}
	return func(path string) observe.Phase { return cmp.Or(first[path], observe.E2E) }
}
