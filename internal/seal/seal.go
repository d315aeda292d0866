// Package seal finds the tightest profile under which a target still works, and proves it: an open run, a plan, sealed
// trials that widen it, trials that tighten it, and a confirmation run of exactly the profile that is emitted.
package seal

import (
	"context"
	"fmt"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

// Minimize says how far a passing profile is tightened.
type Minimize string

// The ways to tighten.
const (
	MinimizeNone Minimize = "none" // keep the first profile that passes
	MinimizeFast Minimize = "fast" // remove, in one run, what the passing run did not touch
	MinimizeFull Minimize = "full" // prove every relaxation by a run without it
)

// Options say how to seal.
type Options struct {
	RunID    string
	Minimize Minimize
	PlanOnly bool
	// SeedOffers hold, by the platform of the target, an image with a shell for the init containers of an image that has none; nil
	// for none.
	SeedOffers map[string]plan.SeedOffer
	// SizeLimits proposes a sizeLimit for each mount.
	SizeLimits bool
	// Patience multiplies how long a run that stalls is waited for; 0 means 1.
	Patience float64
	Parallel int // how many trials are made in parallel; at least 1
	// Progress receives one line a step. May be nil; must be safe for concurrent use.
	Progress func(line string)
	// Running is called with the name and the step ("step 2 of about 5") of each trial that begins. The function that it returns
	// is called when the trial ends. May be nil; must be safe for concurrent use.
	Running func(trial string) (end func())
	// Admit waits until one more run may begin, and returns what to call when its container is removed. May be nil; must be
	// safe for concurrent use.
	Admit func(ctx context.Context) (release func(), err error)
	// Advise reads an image's files for advice on its user, in parallel with the open run; nil advice where the image needs
	// none. May be nil.
	Advise func(ctx context.Context, t target.Target, facts image.Facts, tree image.Tree) (*Advice, error)
	// User is the only user to try; nil means those that the planner finds.
	User *plan.UserChoice
	// Floor is kept in the result; nil for none. It needs User.
	Floor *Floor
}

// Run seals a target. An error is one of the engine, the machine, the input or ctx; whether the target could be sealed is
// the result's verdict.
func Run(ctx context.Context, e engine.Engine, t target.Target, o Options) (Result, error) {
	facts, err := e.Image(ctx, t.Image, t.Platform)
	if err != nil {
		return Result{}, err
	}
	t = withExposedPorts(t, facts)
	r := runner{began: time.Now(), engine: e, target: t, facts: facts, say: sayer(o.Progress), running: o.Running, admit: o.Admit, ledger: &ledger{}, removals: &trial.Removals{}, flights: &flights{}}
	res, closeTree, err := r.seal(ctx, o)
	r.removals.Go(closeTree)
	err = engine.WithCleanup(err, r.removals.Wait())
	res.RunID, res.Image, res.Rounds = o.RunID, facts, r.ledger.all()
	return res, err
}

// withExposedPorts returns the target with the image's exposed TCP ports where nothing else names ports. The ports of a pod are
// published and not waited for: its image may serve them under another command only.
func withExposedPorts(t target.Target, facts image.Facts) target.Target {
	switch {
	case len(t.Ports) > 0:
	case t.Pod == nil:
		t.Ports = facts.Exposed("tcp")
	case len(t.Pod.Ports) == 0 && t.Pod.Default == "":
		p := *t.Pod
		p.Ports = facts.Exposed("tcp")
		t.Pod = &p
	}
	return t
}

func sayer(progress func(string)) func(format string, args ...any) {
	return func(format string, args ...any) {
		if progress != nil {
			progress(fmt.Sprintf(format, args...))
		}
	}
}

// seal learns what the target does, searches a profile for it, and explains the result.
func (r runner) seal(ctx context.Context, o Options) (res Result, closeTree func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, k, closeTree, err := r.learn(ctx, o)
	res.Target = r.target
	if err != nil {
		return res, closeTree, err
	}
	s := newSearch(r, k, o)
	f, err := s.find(ctx)
	if err != nil {
		return res, closeTree, err
	}
	res, err = s.explain(ctx, f)
	return res, closeTree, err
}

// finding is the end of a search: a verdict, and what led to it.
type finding struct {
	verdict    Verdict
	why        string
	c          candidate // the best one
	profile    profile.Profile
	confirmed  Round // for a seal
	proofs     []Proof
	exceptions []Exception
	untried    int // users that were not tried
}

// find searches the profile: that of the first user that passes after widening, tightened and confirmed; if there is none, the
// one with the smallest set of exceptions.
func (s search) find(ctx context.Context) (finding, error) {
	if !s.k.open.Passed() {
		return finding{verdict: NotTestable, why: "the open run fails, so nothing can be learnt: " + s.k.open.Failure.Text}, nil
	}
	users, err := s.users(ctx)
	if err != nil {
		return finding{}, err
	}
	if s.opts.PlanOnly {
		c, err := s.plan(ctx, users[0])
		return finding{verdict: Planned, why: "nothing was run under this profile", c: c, profile: c.profile}, err
	}
	found, err := s.tryUsers(ctx, users)
	if err != nil {
		return finding{}, err
	}
	if found.passed.passed {
		return s.conclude(ctx, found.passed)
	}
	f, err := s.relax(ctx, found.failed)
	f.untried = found.untried
	return f, err
}

// conclude tightens and confirms a candidate that passed.
func (s search) conclude(ctx context.Context, c candidate) (finding, error) {
	f, err := s.confirm(ctx, c, profile.Profile.Relaxations)
	switch {
	case err != nil:
		return finding{}, err
	case f.confirmed.Passed():
		return s.opts.Floor.judge(f.sealed()), nil
	}
	f.verdict, f.why = NotSealable, unconfirmed(f.confirmed)
	return f, nil
}

// sealed returns a confirmed finding with its verdict.
func (f finding) sealed() finding {
	f.verdict, f.why = Sealed, "passed untraced under exactly these settings, restart included"
	switch f.confirmed.Protocol.Restart {
	case trial.RestartReady:
		f.why = "passed untraced under exactly these settings; the restart was judged by readiness"
	case trial.NoRestart:
		f.why = "passed untraced under exactly these settings, without a restart"
	}
	if f.c.restart != nil {
		f.exceptions = append(f.exceptions, *f.c.restart)
		f.verdict, f.why = SealedWithExceptions, "it works sealed, but not after a restart: "+f.c.restart.Why
	}
	return f
}
