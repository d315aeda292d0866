package seal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
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

// knowledge is what is known of a target after its open run.
type knowledge struct {
	in     plan.Input // with the open run
	open   observe.Observation
	advice *Advice
	// traced says that sealed runs are traced: the tracer works, and does not keep the application from working.
	traced bool
	job    bool // the application runs to its end, which its open run showed
}

// files is what was read of the image in parallel with the open run.
type files struct {
	tree    engine.TreeCloser
	users   image.Users
	seeding plan.Seeding
}

// learn runs the target as it is, and reads the image's files in parallel. It tries the first plan while docker diff is
// still being asked for: diff walks the whole image, and seldom changes the plan.
func (r runner) learn(ctx context.Context, o Options) (_ runner, k knowledge, closeTree func(), err error) {
	l := &learning{runner: r, opts: o, files: make(chan files, 1), begun: make(chan struct{}), diffs: make(chan lateChanges, 1)}
	closeTree = l.closeTree
	open, err := l.openRun(ctx)
	if err == nil {
		open, err = l.retryOpen(ctx, open)
	}
	if err != nil {
		l.settle()
		return r, k, closeTree, err
	}
	k = l.knowledge(open.Observation)
	if open.Passed() && l.pending && k.traced && !slices.ContainsFunc(k.open.Writes, movesFolder) && !o.PlanOnly {
		err = l.tryAhead(ctx, k)
	}
	l.settle()
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
	opts  Options
	files chan files
	read  files
	begun chan struct{} // closed when the open run's container has started

	advising  sync.WaitGroup
	advice    *Advice
	adviceErr error
	untraced  bool
	job       bool
	// pending is set while docker diff of the stopped open run is being asked for; the answer comes in diffs.
	pending bool
	diffs   chan lateChanges
	late    lateChanges
}

// lateChanges is docker diff of the stopped open run.
type lateChanges struct {
	changes []observe.Change
	err     error
}

// openRun makes the open run and reads the image's files meanwhile, once the container has started: both are much work for
// the engine.
func (l *learning) openRun(ctx context.Context) (open Round, err error) {
	g, within := errgroup.WithContext(ctx)
	start := sync.OnceFunc(func() { close(l.begun) })
	g.Go(func() error {
		<-l.begun
		return l.readFiles(within, ctx)
	})
	g.Go(func() (err error) {
		defer start()
		a := l.openTrial(ctx, "open run")
		a.started = start
		a.stopping = l.prewarm
		open, err = l.once(within, a)
		l.pending = open.pendingChanges
		return err
	})
	return open, g.Wait()
}

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

// retryOpen repeats a failed open run in another way where its failure suggests one: without the tracer, which sets
// no_new_privs, where a setuid program ran; as a job where the container exited 0 before it was ready.
func (l *learning) retryOpen(ctx context.Context, open Round) (Round, error) {
	name := ""
	switch exit := open.Observation.Exit; {
	case open.Passed():
		return open, nil
	case open.Cause == trial.TracerLost, open.Observation.Trace.On && open.Observation.Trace.Note != "":
		l.untraced, name = true, "open run, untraced"
	case open.Cause == trial.Killed || open.Cause == trial.OutOfMemory:
		name = "open run, repeated"
	case !l.target.Completes && open.Observation.Failure.Phase == observe.Start && exit != nil && exit.Code == 0 && exit.Phase == observe.Start && exit.Error == "":
		l.job, l.target.Completes, name = true, true, "open run of a job"
	default:
		return open, nil
	}
	if l.pending {
		<-l.diffs // of the run that failed
	}
	again, err := l.once(ctx, l.openTrial(ctx, name))
	l.pending = again.pendingChanges
	return again, err
}

// readFiles opens the image's files, reads what every plan needs, and starts the advice.
func (l *learning) readFiles(ctx, lasting context.Context) (err error) {
	defer close(l.files)
	f := files{}
	if f.tree, err = l.engine.Tree(ctx, l.facts); err != nil {
		return err
	}
	l.read.tree = f.tree
	if f.users, err = image.ReadUsers(ctx, f.tree); err != nil {
		return err
	}
	if f.seeding, err = l.chooseSeeding(ctx, f.tree); err != nil {
		return err
	}
	l.read = f
	l.files <- f
	if l.opts.Advise != nil {
		l.advising.Go(func() { l.advice, l.adviceErr = l.opts.Advise(lasting, l.target, l.facts, f.tree) })
	}
	return nil
}

// chooseSeeding chooses what init containers run in.
func (l *learning) chooseSeeding(ctx context.Context, tree image.Tree) (plan.Seeding, error) {
	offer := plan.SeedOffer{ImageVolumes: l.opts.ImageVolumes}
	if l.opts.SeedImage != "" {
		facts, err := l.engine.Image(ctx, l.opts.SeedImage, l.target.Platform)
		if err != nil {
			return plan.Seeding{}, fmt.Errorf("getting the image of --seed-image: %w", err)
		}
		offered, err := l.engine.Tree(ctx, facts)
		if err != nil {
			return plan.Seeding{}, err
		}
		defer func() { _ = offered.Close(context.WithoutCancel(ctx)) }() // what is left is swept by its label
		offer.Image = cmp.Or(facts.Digest, l.opts.SeedImage)
		if offer.Lacks, err = plan.Lacks(ctx, facts, offered); err != nil {
			return plan.Seeding{}, err
		}
	}
	return plan.ChooseSeeding(ctx, l.facts, tree, offer)
}

// prewarm plans with what the open run showed until its stop, so that volumes exist when the real plan is made.
func (l *learning) prewarm(ctx context.Context, o observe.Observation) {
	f, ok := <-l.files
	if !ok || l.opts.PlanOnly {
		return
	}
	in := plan.Input{Target: l.target, Facts: l.facts, Tree: f.tree, Users: f.users, Seeding: f.seeding, Open: o}
	users, err := plan.Users(ctx, in)
	if err != nil {
		return
	}
	if p, err := plan.First(ctx, in, users[0]); err == nil {
		l.engine.Prewarm(ctx, l.facts, p.Profile)
	}
}

// knowledge returns what is known after the open run.
func (l *learning) knowledge(open observe.Observation) knowledge {
	in := plan.Input{Target: l.target, Facts: l.facts, Tree: l.read.tree, Users: l.read.users, Seeding: l.read.seeding, Open: open}
	return knowledge{in: in, open: open, traced: open.Trace.On && !l.untraced, job: l.job}
}

// tryAhead tries the first plan that the trace alone gives. Its round is found in the ledger where docker diff does not
// change the plan; else it is one more that was tried.
func (l *learning) tryAhead(ctx context.Context, k knowledge) error {
	s := newSearch(l.runner, k, l.opts)
	users, err := s.users(ctx)
	if err != nil {
		return err
	}
	first, err := plan.First(ctx, k.in, users[0])
	if err != nil {
		return err
	}
	end := func() {}
	if s.minimal(first.Profile) {
		end = s.confirmAhead(ctx, first.Profile, s.protocol)
	}
	o, err := s.trySealed(ctx, users[0], first.Profile, s.protocol)
	if err == nil && o.Passed() && s.minimal(first.Profile) && s.parallel() > 1 {
		_, err = s.try(ctx, s.confirmation(first.Profile, s.protocol)) // it has begun
	}
	end()
	return err
}

// settle waits for what runs in parallel with the search's first trial.
func (l *learning) settle() {
	if l.pending {
		l.late = <-l.diffs
	}
	l.advising.Wait()
}

func (l *learning) closeTree() {
	if l.read.tree != nil {
		_ = l.read.tree.Close(context.Background()) // what is left is swept by its label
	}
}

// movesFolder reports whether a write moves a folder: only docker diff shows where the files in it are then.
func movesFolder(w observe.Write) bool {
	return w.Call == "rename" && w.Dir && w.Outcome == observe.Allowed
}

// tracedPhase returns the phase in which a path was first written, by the trace.
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
