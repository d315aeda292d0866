package seal

import (
	"context"
	"fmt"
	"slices"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

// search is the search for one target: what is known of it, and how its trials are made. It has no state: the ledger of
// its runner has.
type search struct {
	runner
	k knowledge
	// known returns what judges a sealed run: k, or what the whole open run showed if k is from before its end. It may wait.
	known  func() knowledge
	opts   Options
	timing timing
	// protocol is the full one: with a restart, traced where that works.
	protocol trial.Protocol
}

func newSearch(r runner, k knowledge, o Options) search {
	t := newTiming(k.open, r.target.Ready.Timeout, o.Patience)
	full := trial.Protocol{Traced: k.traced, Restart: trial.RestartFull, Ready: t.ready, Command: t.command}
	return search{runner: r, k: k, known: func() knowledge { return k }, opts: o, timing: t, protocol: full}
}

// parallel returns the number of trials to run in parallel, at least 1.
func (s search) parallel() int { return max(1, s.opts.Parallel) }

// slots returns the number of trials to run in parallel if most of them will probably fail: failing trials mostly wait.
func (s search) slots() int {
	if n := s.parallel(); n == 1 || s.k.open.ReadyIn >= lightStart {
		return n
	}
	return 2 * s.parallel()
}

// sealedTrial returns a trial of a profile that may become the result.
func (s search) sealedTrial(name string, p profile.Profile, proto trial.Protocol) attempt {
	return attempt{
		name: name, profile: p, protocol: proto, patience: s.timing.sealed, judge: s.judge, blank: s.k.cannotMake(p),
		explained: func(o observe.Observation) bool { return plan.Explained(s.known().in, o) },
	}
}

// withoutTrial returns a trial of a profile without a relaxation. Its failure proves that the relaxation is needed.
func (s search) withoutTrial(name string, p profile.Profile, c candidate) attempt {
	a := s.sealedTrial(name, p, c.protocol)
	a.proof = true
	a.patience = s.timing.trial(max(s.k.open.ReadyIn, c.last.Observation.ReadyIn))
	a.judge = func(o Round) Round { return s.judgeWithout(o, c.last.Observation) }
	return a
}

// judgeWithout judges a trial without a relaxation. sealed is the run that passed with it.
func (s search) judgeWithout(o Round, sealed observe.Observation) Round {
	return judgeStopWrites(s.judge(o), s.known().open, sealed)
}

// withoutName names the trial without a group of relaxations.
func withoutName(g ...profile.Relaxation) string { return "without " + names(g) }

// trySealed makes the next sealed run for a user.
func (s search) trySealed(ctx context.Context, u plan.UserChoice, p profile.Profile, proto trial.Protocol) (Round, error) {
	return s.try(ctx, s.nextSealed(u, p, proto))
}

// nextSealed returns the next sealed run for a user.
func (s search) nextSealed(u plan.UserChoice, p profile.Profile, proto trial.Protocol) attempt {
	a := s.sealedTrial(s.ledger.sealedName(u.User.UID), p, proto)
	a.sealed, a.more = true, trialsAfter(s.target, s.opts.Minimize, p)
	return a
}

// judge lets a run that passed fail where it stopped otherwise than the open run did.
func (s search) judge(o Round) Round {
	open, exit := s.known().open.Exit, o.Observation.Exit
	if !o.Passed() || open == nil || exit == nil || open.Code != 0 || exit.Code == 0 || exit.Phase != observe.Stop {
		return o
	}
	if o.Outcome = trial.Failed; exit.OOMKilled {
		o.Outcome, o.Cause = trial.Inconclusive, trial.OutOfMemory
	}
	o.Observation.Failure = observe.Failure{
		Kind: observe.StopFailed, Phase: observe.Stop,
		Text: fmt.Sprintf("exited %d when it was stopped, where the open run exited 0", exit.Code),
	}
	return o
}

// judgeStopWrites lets a run that passed fail where it could not write a file when it was stopped, and says so. Only files
// count that other runs wrote at their stop and never before: what races with the stop is written before it as well.
func judgeStopWrites(o Round, open, sealed observe.Observation) Round {
	if !o.Passed() {
		return o
	}
	atStop := func(run observe.Observation, at string) bool {
		wrote := diff.Collect(run).Allowed()
		i := slices.IndexFunc(wrote, func(e diff.Evidence) bool { return e.Path == at })
		return i >= 0 && wrote[i].Phase == observe.Stop
	}
	for _, l := range plan.ReadRefusals(o.Observation.LogsIn(observe.Stop), "") {
		if l.Path == "" || !atStop(open, l.Path) || sealed.Trace.On && !atStop(sealed, l.Path) {
			continue
		}
		o.Outcome = trial.Failed
		o.Observation.Failure = observe.Failure{
			Kind: observe.StopFailed, Phase: observe.Stop, Text: "could not write " + l.Path + " when it was stopped: " + l.Line,
		}
		break
	}
	return o
}

// removable returns the relaxations of a profile that may be removed and are none of the floor.
func (s search) removable(p profile.Profile, all []profile.Relaxation) []profile.Relaxation {
	return slices.DeleteFunc(removable(s.target, p, all), s.opts.Floor.holds)
}

// removable returns the relaxations of a profile that may be removed. VOLUMEs are not among them: without a mount, runtimes
// differ in the content of a VOLUME. Mounts of the pod itself are kept, and so are seeds:
// passing e2e commands do not show that nobody needs a file of the image.
func removable(t target.Target, p profile.Profile, all []profile.Relaxation) []profile.Relaxation {
	return slices.DeleteFunc(slices.Clone(all), func(r profile.Relaxation) bool {
		m, mounted := p.Mount(r.Path)
		return r.Kind == profile.SeededStep || mounted && given(t, m)
	})
}

// given reports whether the mount is the pod's own.
func given(t target.Target, m profile.Mount) bool {
	at, _ := t.GivenMount(m.Path)
	return at.Path == m.Path
}

// Floor is a profile whose relaxations were proved to be needed by other runs of the image, under other e2e commands. The search
// starts from it and removes nothing of it. A nil Floor is none.
type Floor struct {
	Profile    profile.Profile // of the user that is tried
	Reasons    []profile.Reason
	Exceptions []Exception // of Profile
}

// over returns a profile that allows what the floor allows as well.
func (f *Floor) over(p profile.Profile) profile.Profile {
	if f == nil {
		return p
	}
	return p.Union(f.Profile)
}

// holds reports whether a relaxation is one of the floor.
func (f *Floor) holds(r profile.Relaxation) bool {
	if f == nil {
		return false
	}
	return slices.ContainsFunc(f.Profile.Relaxations(), func(own profile.Relaxation) bool { return own.ID == r.ID })
}

// explain returns reasons with those of the floor in place of others about the same fields.
func (f *Floor) explain(reasons []profile.Reason) []profile.Reason {
	if f == nil {
		return reasons
	}
	out := slices.DeleteFunc(slices.Clone(reasons), func(r profile.Reason) bool {
		return slices.ContainsFunc(f.Reasons, func(own profile.Reason) bool { return own.Field == r.Field })
	})
	return append(out, f.Reasons...)
}

// judge returns a confirmed finding with the exceptions of the floor.
func (f *Floor) judge(found finding) finding {
	if f == nil || len(found.profile.Exceptions()) == 0 {
		return found
	}
	for _, x := range f.Exceptions {
		if !slices.ContainsFunc(found.exceptions, func(own Exception) bool { return own.Setting == x.Setting }) {
			found.exceptions = append(found.exceptions, x)
		}
	}
	found.verdict = SealedWithExceptions
	found.why = "it works with the exceptions of the merged seals"
	return found
}

// trialsAfter returns about how many trials are made of a profile that has passed: those that remove its relaxations, and the
// confirmation run.
func trialsAfter(t target.Target, mode Minimize, p profile.Profile) int {
	switch mode {
	case MinimizeNone:
		return 1
	case MinimizeFast:
		return 2
	}
	return len(grouped(removable(t, p, p.Relaxations()))) + 1
}

// describe says what a trial's profile allows.
func describe(p profile.Profile) string {
	switch {
	case p.Open:
		return "as the image says"
	case len(p.Mounts) == 1:
		return fmt.Sprintf("%s, writable %s", who(p.User), p.Mounts[0].Path)
	}
	return fmt.Sprintf("%s, %d writable folders", who(p.User), len(p.Mounts))
}

// who names a user so that it differs from the other users that are tried.
func who(u profile.User) string {
	if len(u.Groups) == 0 {
		return fmt.Sprintf("uid %d", u.UID)
	}
	return fmt.Sprintf("uid %d with groups %d", u.UID, u.Groups)
}
