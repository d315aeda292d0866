// Package seal finds the tightest profile under which a target still works, and proves it: open run, plan, sealed
// runs, tighten. It declares the engine that it needs; internal/docker is one.
package seal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

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

	// filesRead gets what is known once the image's files have been opened, for the rehearsal.
	filesRead  chan plan.Input
	seedMu     sync.Mutex
	seedChosen bool

	in   plan.Input
	tree TreeCloser
	open observe.Observation

	advice *Advice

	mu     sync.Mutex
	rounds []Round
	plan   plan.Plan
	proofs map[string]string // by reason field
	why    []profile.Reason
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
func Seal(ctx context.Context, engine Engine, t target.Target, o Options) (Result, error) {
	facts, err := engine.Image(ctx, t.Image, t.Platform)
	if err != nil {
		return Result{}, err
	}
	if len(t.Ports) == 0 && t.Pod == nil { // a pod names its ports itself
		t.Ports = facts.Exposed("tcp")
	}
	s := &session{runner: runner{engine: engine, target: t, facts: facts, removals: &removals{}}, opts: o, proofs: map[string]string{}, filesRead: make(chan plan.Input, 1)}
	s.in = plan.Input{Target: t, Facts: facts}
	res, err := s.seal(ctx)
	s.removals.wg.Go(func() { _ = s.closeTree(context.WithoutCancel(ctx)) }) // what is left is swept by its label
	err = errors.Join(err, s.removals.wait())
	res.RunID, res.Target, res.Image, res.Rounds = o.RunID, t, facts, s.rounds
	res.Advice = s.advice
	res.NotExercised = s.notExercised(res.Profile)
	return res, err
}

// openRun runs the target as it is, and opens the image's files meanwhile.
func (s *session) openRun(ctx context.Context) (open observe.Observation, err error) {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		if s.tree, err = s.engine.Tree(ctx, s.facts); err != nil {
			return err
		}
		s.in.Tree = s.tree
		if s.in.Users, err = image.ReadUsers(ctx, s.tree); err != nil {
			return err
		}
		if s.opts.SeedImage != "" { // else it is chosen when a mount needs it
			if err = s.chooseSeeding(ctx); err != nil {
				return err
			}
		}
		s.filesRead <- s.in
		if s.opts.Advise == nil {
			return nil
		}
		if s.advice, err = s.opts.Advise(ctx, s.target, s.facts, s.tree); s.advice != nil {
			s.in.Advised = s.advice.Users
		}
		return err
	})
	g.Go(func() (err error) {
		l := s.openLimits()
		l.stopping = s.rehearse
		open, err = s.round(ctx, "open run", profile.Unrestricted(), l)
		return err
	})
	return open, g.Wait()
}

// rehearse plans with what the open run showed until its stop, so that the image's files have been read when the plan
// is made in earnest. The plan itself counts for nothing.
func (s *session) rehearse(ctx context.Context, o observe.Observation) {
	var in plan.Input
	select {
	case in = <-s.filesRead:
	default:
		return
	}
	in.Open = o
	users, err := plan.Users(ctx, in)
	if err == nil {
		_, _ = plan.First(ctx, in, users[0])
	}
}

func (s *session) openLimits() limits { return limits{ready: s.target.Ready.Timeout, diff: true} }

func (s *session) closeTree(ctx context.Context) error {
	if s.tree == nil {
		return nil
	}
	return s.tree.Close(ctx)
}

func (s *session) seal(ctx context.Context) (Result, error) {
	open, err := s.openRun(ctx)
	if err != nil {
		return Result{}, err
	}
	if !open.Passed() && open.Trace.On && open.Trace.Note != "" {
		// The tracer sets no_new_privs, and its note names the programs that miss their privileges: is it its fault?
		s.target.Untraced = true
		if open, err = s.round(ctx, "open run, untraced", profile.Unrestricted(), s.openLimits()); err != nil {
			return Result{}, err
		}
	}
	s.open, s.in.Open = open, open
	if !open.Passed() {
		return Result{Verdict: NotTestable, Why: "the open run fails, so nothing can be learnt: " + open.Failure}, nil
	}
	users, err := s.users(ctx)
	if err != nil {
		return Result{}, err
	}
	for i := 0; i < len(users); i++ {
		u := users[i]
		if s.plan, err = plan.First(ctx, s.in, u); err != nil {
			return Result{}, err
		}
		s.why = s.plan.Reasons
		if s.opts.PlanOnly {
			return s.finish(ctx, Result{Verdict: Planned, Why: "nothing was run under this profile", Profile: s.plan.Profile, User: u.Name})
		}
		found, ok, err := s.widen(ctx)
		if err != nil {
			return Result{}, err
		}
		if ok {
			return s.conclude(ctx, u, found)
		}
		if p, ok := s.failsAtRestart(u); ok {
			return s.restartFails(ctx, u, p)
		}
		if why, _ := s.cannotMake(found); why != "" {
			break // no user changes what the image has no programs for
		}
		if users, err = s.moreUsers(ctx, users, i); err != nil {
			return Result{}, err
		}
		if i+1 < len(users) {
			s.say("uid %d does not work; trying uid %d", u.User.UID, users[i+1].User.UID)
		}
	}
	return s.diagnose(ctx, users)
}

// users are whom to try, best first.
func (s *session) users(ctx context.Context) ([]plan.UserChoice, error) {
	if s.opts.User != nil {
		return []plan.UserChoice{*s.opts.User}, nil
	}
	return plan.Users(ctx, s.in)
}

// moreUsers puts behind users[i], which does not work, the users that its last run speaks for.
func (s *session) moreUsers(ctx context.Context, users []plan.UserChoice, i int) ([]plan.UserChoice, error) {
	if s.opts.User != nil {
		return users, nil
	}
	more, err := plan.Readers(ctx, s.in, users[i], s.rounds[len(s.rounds)-1].Observation)
	if err != nil {
		return nil, err
	}
	for _, u := range slices.Backward(more) {
		at := slices.IndexFunc(users, func(o plan.UserChoice) bool { return sameUser(o, u) })
		switch {
		case at >= 0 && at <= i: // it has been tried
		case u.User.UID == users[i].User.UID: // with one group more: rather any user by its own right
			users = append(users, u)
		default: // it comes next, also where it would have come later
			users = slices.DeleteFunc(slices.Clone(users), func(o plan.UserChoice) bool { return sameUser(o, u) })
			users = slices.Insert(users, i+1, u)
		}
	}
	return users, nil
}

func sameUser(a, b plan.UserChoice) bool {
	return a.User.UID == b.User.UID && slices.Equal(a.User.Groups, b.User.Groups)
}

// widen runs the plan sealed, and widens it by what each failed run is blamed on, until it passes.
func (s *session) widen(ctx context.Context) (found profile.Profile, ok bool, err error) {
	cur := s.plan.Profile
	setting, shown := "", "" // what the round before is blamed on: proved if the next one passes
	for n := 1; n <= maxRounds; n++ {
		o, err := s.sealed(ctx, fmt.Sprintf("sealed run %d", n), cur)
		if err != nil {
			return cur, false, err
		}
		if o.Passed() {
			if setting != "" {
				s.proofs[setting] = shown
			}
			return cur, true, nil
		}
		if err := s.chooseSeeding(ctx); err != nil {
			return cur, false, err
		}
		repairs, err := plan.Repairs(ctx, s.in, s.plan, cur, o)
		if err != nil {
			return cur, false, err
		}
		i := slices.IndexFunc(repairs, func(r plan.Repair) bool { return !s.tried(r.Profile) })
		if i < 0 {
			return cur, false, nil
		}
		s.blame(repairs[i], cur)
		setting, shown = "", ""
		if b := repairs[i].Blames; len(b) == 1 && o.FailedSeed == "" { // the application has run
			setting, shown = b[0].Setting, proof(o, b[0].Evidence)
		}
		cur = repairs[i].Profile
	}
	return cur, false, nil
}

// sealed is a run under a profile that is to be emitted: the whole of it, restart included.
func (s *session) sealed(ctx context.Context, name string, p profile.Profile) (observe.Observation, error) {
	o, err := s.round(ctx, name, p, s.sealedLimits(true))
	failed := func(c observe.CommandResult) bool { return c.Phase == observe.Restart && c.Code != 0 }
	if err != nil || o.FailedIn != observe.Restart || s.unrepeatable || !slices.ContainsFunc(o.Commands, failed) {
		return o, err
	}
	// Back, but the commands fail: are they repeatable at all? The open run, with nothing restarted, tells.
	if s.unrepeatable, err = s.commandsFailTwice(ctx); err != nil || !s.unrepeatable {
		return o, err
	}
	return s.round(ctx, name+", restart judged by readiness", p, s.sealedLimits(true))
}

// commandsFailTwice tells whether the e2e commands fail when run a second time on an open run.
func (s *session) commandsFailTwice(ctx context.Context) (bool, error) {
	twice := s.runner
	twice.target.Commands = append(slices.Clone(s.target.Commands), s.target.Commands...)
	began := time.Now()
	o, err := twice.run(ctx, profile.Unrestricted(), s.sealedLimits(false))
	if err != nil {
		return false, err
	}
	s.note(Round{Name: "open run, commands twice", Profile: profile.Unrestricted(), Observation: o, Took: time.Since(began)})
	return !o.Passed(), nil
}

// sealedLimits bound a sealed run by what the open run needed: a run that cannot pass should not wait for the whole
// readiness time-out.
func (s *session) sealedLimits(restart bool) limits {
	l := limits{ready: min(s.target.Ready.Timeout, 10*time.Second+8*s.open.ReadyIn), restart: restart && !s.noRestart, readyOnly: s.unrepeatable}
	var longest time.Duration
	for _, c := range s.open.Commands {
		longest = max(longest, c.Took)
	}
	l.command = 30*time.Second + 8*longest
	return l
}

// round runs once and notes it. A run that passes but stops worse than the open run does not pass.
func (s *session) round(ctx context.Context, name string, p profile.Profile, l limits) (observe.Observation, error) {
	s.say("%s: %s", name, describe(p))
	began := time.Now()
	o, err := s.attempt(ctx, p, l)
	if err != nil {
		return o, fmt.Errorf("%s: %w", name, err)
	}
	if o.Passed() && !p.Open {
		o.Failure, o.FailedIn = worseStop(s.open, o)
	}
	s.note(Round{Name: name, Profile: p, Observation: o, Took: time.Since(began)})
	if o.Passed() {
		s.say("%s: passed in %s", name, time.Since(began).Round(100*time.Millisecond))
	} else {
		s.say("%s: %s", name, o.Failure)
	}
	return o, nil
}

// worseStop tells whether a stop that went well on the open run did not on this one.
func worseStop(open, o observe.Observation) (string, observe.Phase) {
	if open.Exit == nil || o.Exit == nil || open.Exit.Code != 0 || o.Exit.Code == 0 || o.Exit.Phase != observe.Stop {
		return "", ""
	}
	return fmt.Sprintf("exited %d when it was stopped, where the open run exited 0", o.Exit.Code), observe.Stop
}

func (s *session) note(r Round) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rounds = append(s.rounds, r)
}

func (s *session) say(format string, args ...any) {
	if s.opts.Progress != nil {
		s.opts.Progress(fmt.Sprintf(format, args...))
	}
}

func (s *session) tried(p profile.Profile) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.rounds, func(r Round) bool { return r.Profile.Equal(p) })
}

// blame notes what the last round of a profile is blamed on.
func (s *session) blame(r plan.Repair, failed profile.Profile) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, round := range slices.Backward(s.rounds) {
		if round.Profile.Equal(failed) {
			s.rounds[i].Blames = r.Blames
			break
		}
	}
	for _, reason := range r.Reasons {
		s.why = append(slices.DeleteFunc(s.why, func(w profile.Reason) bool { return w.Field == reason.Field }), reason)
	}
}

// proof is the sentence for a run that failed without something.
func proof(o observe.Observation, evidence string) string {
	s := "without it: " + o.Failure
	if evidence != "" {
		s += "; " + evidence
	}
	return s
}
