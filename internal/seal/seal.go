// Package seal finds the tightest profile under which a target still works, and proves it: open run, plan, sealed
// runs, tighten. It declares the engine that it needs; internal/docker is one.
package seal

import (
	"context"
	"errors"
	"sync"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// Minimize says how far a passing profile is tightened.
type Minimize string

// The ways to tighten.
const (
	MinimizeNone Minimize = "none" // keep the first profile that passes
	MinimizeFast Minimize = "fast" // drop, in one run, what the passing run did not touch
	MinimizeFull Minimize = "full" // prove every mount and setting by a run without it
)

// Options say how to seal.
type Options struct {
	RunID    string
	Minimize Minimize
	PlanOnly bool
	// SeedImage is an image with a shell for the init containers of an image that has none; empty for none.
	SeedImage string
	// ImageVolumes says that the cluster mounts images as volumes (Kubernetes 1.36), of which a SeedImage copies.
	ImageVolumes bool
	// SizeLimits proposes a sizeLimit for each mount.
	SizeLimits bool
	Parallel   int // how many trial runs go side by side; at least 1
	// Progress is told what happens, one line a step. May be nil; must be safe for concurrent use.
	Progress func(line string)
	// Advise reads an image's files for advice on its user, while the open run goes on; nil advice where the image
	// needs none. May be nil.
	Advise func(ctx context.Context, t target.Target, facts image.Facts, tree image.Tree) (*Advice, error)
	// User is the only user to try; nil means those that the planner finds.
	User *plan.UserChoice
}

// maxRounds bounds how often a profile is widened for one user.
const maxRounds = 8

// session seals one target.
type session struct {
	runner
	opts Options

	late       lateChanges // of the open run
	ahead      *aheadRun
	advising   sync.WaitGroup
	adviceErr  error
	seedMu     sync.Mutex
	seedChosen bool

	in   plan.Input
	tree engine.TreeCloser
	open observe.Observation

	advice *Advice

	mu     sync.Mutex
	rounds []Round
	plan   plan.Plan
	stood  []stood           // the runs that were not ready in time
	proofs map[string]string // by reason field
	// untried is how many users were not tried, since the budget was used up.
	untried int
	why     []profile.Reason
	// unrepeatable is set when the e2e commands fail a second time even on the open run: then a restart is judged by
	// readiness alone.
	unrepeatable bool
	// noRestart is set once it is known that no restart passes; restart is what that means for the seal, and unrestarted
	// what to say where it means nothing.
	noRestart   bool
	restart     *Exception
	unrestarted string
}

// Seal seals a target. An error is one of the engine, the machine, the input or ctx; whether the target could be sealed
// is the result's verdict.
func Seal(ctx context.Context, engine engine.Engine, t target.Target, o Options) (Result, error) {
	facts, err := engine.Image(ctx, t.Image, t.Platform)
	if err != nil {
		return Result{}, err
	}
	if len(t.Ports) == 0 && t.Pod == nil { // a pod names its ports itself
		t.Ports = facts.Exposed("tcp")
	}
	s := &session{runner: runner{engine: engine, target: t, facts: facts, removals: &removals{}}, opts: o, proofs: map[string]string{}}
	s.in = plan.Input{Target: t, Facts: facts}
	res, err := s.sealOrSettle(ctx)
	s.removals.wg.Go(func() { _ = s.closeTree(context.WithoutCancel(ctx)) }) // what is left is swept by its label
	err = errors.Join(err, s.removals.wait())
	res.RunID, res.Target, res.Image, res.Rounds = o.RunID, t, facts, s.rounds
	res.Advice = s.advice
	res.NotExercised = s.notExercised(res.Profile)
	return res, err
}

// sealOrSettle ends what runs beside when sealing is given up.
func (s *session) sealOrSettle(ctx context.Context) (Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer s.advising.Wait()
	defer cancel()
	return s.seal(ctx)
}

func (s *session) seal(ctx context.Context) (Result, error) {
	if err := s.learn(ctx); err != nil {
		return Result{}, err
	}
	if !s.open.Passed() {
		return Result{Verdict: NotTestable, Why: "the open run fails, so nothing can be learnt: " + s.open.Failure}, nil
	}
	users, err := s.users(ctx)
	if err != nil {
		return Result{}, err
	}
	if s.opts.PlanOnly {
		return s.planned(ctx, users[0])
	}
	for tried := 0; tried < len(users); {
		wave, err := s.tryUsers(ctx, users[tried:min(len(users), tried+s.wave(tried))])
		if err != nil {
			return Result{}, err
		}
		for _, c := range wave {
			s.plan, s.why, s.proofs = c.plan, c.why, c.proofs
			if c.passed {
				return s.conclude(ctx, c.user, c.found)
			}
			if p, ok := s.failsAtRestart(c.user); ok {
				return s.restartFails(ctx, c.user, p)
			}
			if why, _ := s.cannotMake(c.found); why != "" {
				return s.diagnose(ctx, users) // no user changes what the image has no programs for
			}
		}
		for i, c := range wave {
			if users, err = s.moreUsers(ctx, users, tried+i, c.last); err != nil {
				return Result{}, err
			}
		}
		tried += len(wave)
		if left := users[tried:]; len(left) > 0 && len(s.rounds) >= budget {
			s.untried = len(left)
			break
		}
	}
	return s.diagnose(ctx, users)
}

// planned is the result of a plan that nothing is to prove.
func (s *session) planned(ctx context.Context, u plan.UserChoice) (Result, error) {
	var err error
	if s.plan, err = plan.First(ctx, s.in, u); err != nil {
		return Result{}, err
	}
	s.why = s.plan.Reasons
	return s.finish(ctx, Result{Verdict: Planned, Why: "nothing was run under this profile", Profile: s.plan.Profile, User: u.Name})
}
