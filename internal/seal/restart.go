package seal

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/race"
	"github.com/podseal/podseal/internal/trial"
)

// judgeRestart decides on a profile that passes until its first process is killed. The seal is only to blame for what
// differs from the unsealed application over the same files. Three things may be to blame otherwise: what the mounts keep,
// which an unsealed pod would lose with its container; e2e commands that cannot run twice over the same data; or the
// application, which never comes back from a kill.
func (s search) judgeRestart(ctx context.Context, c *candidate) error {
	j := restartJudge{s, c}
	return j.judge(ctx)
}

// restartJudge decides on a candidate whose last trial failed after its restart.
type restartJudge struct {
	search
	c *candidate
}

func (s restartJudge) judge(ctx context.Context) error {
	c, failed := s.c, s.c.last
	unsealed, err := s.tryUnsealedRestart(ctx)
	if err != nil {
		return err
	}
	commands := commandFailed(failed)
	if commands && commandFailed(unsealed) {
		return s.withoutCommands(ctx, c, unsealed)
	}
	blamed, err := s.blameContent(ctx, *c)
	if err != nil {
		return err
	}
	once, err := s.trySealed(ctx, c.user, c.profile, c.protocol.WithRestart(trial.NoRestart))
	if err != nil || !once.Passed() {
		c.last = once
		return err
	}
	if c.passed = true; len(blamed) == 0 && staysAway(unsealed) {
		c.notes = append(c.notes, "a restart: unsealed, too, the application does not come back after its first process was killed ("+unsealed.Observation.Failure.Text+")")
	} else {
		c.restart = restartException(failed, c.profile, blamed, unsealed)
	}
	c.last, c.protocol = once, c.protocol.WithRestart(trial.NoRestart)
	return nil
}

// retryRestart tries the full protocol again for a profile that was tightened: the mount whose content was to blame may be
// gone.
func (s search) retryRestart(ctx context.Context, c *candidate, p profile.Profile) error {
	before := c.profile
	c.profile = p
	if c.restart == nil || p.Equal(before) {
		return nil
	}
	o, err := s.try(ctx, s.sealedTrial("tightened and restarted", p, s.protocol))
	if err == nil && o.Passed() {
		c.restart, c.protocol, c.last = nil, s.protocol, o
	}
	return err
}

// tryUnsealedRestart kills and starts again the unsealed application over its own files. Its failure loosens what a seal must
// pass, so a disturbance is repeated.
func (s restartJudge) tryUnsealedRestart(ctx context.Context) (Round, error) {
	return s.try(ctx, attempt{
		name: "open run, killed and started again", profile: profile.Unrestricted(), protocol: s.protocol,
		explained: func(o observe.Observation) bool { return plan.Explained(s.k.in, o) },
	})
}

// staysAway reports whether a run showed that the application fails after its restart.
func staysAway(o Round) bool {
	return o.Outcome == trial.Failed && o.Observation.Failure.Phase == observe.Restart
}

// commandFailed reports whether a restart brought the application back, and the e2e commands failed then.
func commandFailed(o Round) bool {
	f := o.Observation.Failure.Kind
	return staysAway(o) && (f == observe.CommandFailed || f == observe.CommandTimeout)
}

// withoutCommands lets a restart be judged by readiness alone: the commands fail over surviving files without a seal, too.
func (s restartJudge) withoutCommands(ctx context.Context, c *candidate, unsealed Round) (err error) {
	c.protocol = c.protocol.WithRestart(trial.RestartReady)
	if c.last, err = s.trySealed(ctx, c.user, c.profile, c.protocol); err != nil {
		return err
	}
	c.passed = c.last.Passed()
	c.notes = append(c.notes, "the e2e commands after a restart: they cannot run twice over the same data, since unsealed they fail as well ("+
		unsealed.Observation.Failure.Text+"); the restart was judged by readiness")
	return nil
}

// blameContent finds the mounts whose surviving content keeps the application from coming back: without it, the folders
// made anew before the restart, it does.
func (s restartJudge) blameContent(ctx context.Context, c candidate) ([]string, error) {
	all := written(c.last.Observation, c.profile)
	if len(all) == 0 {
		return nil, nil
	}
	back, err := s.comesBack(ctx, c, all)
	if err != nil || !back {
		return nil, err
	}
	if len(all) == 1 || len(all) > maxEmptied {
		return all, nil
	}
	alone := make([]bool, len(all))
	err = race.Each(ctx, len(all), s.parallel(), func(ctx context.Context, i int) (err error) {
		alone[i], err = s.comesBack(ctx, c, all[i:i+1])
		return err
	})
	if err != nil {
		return nil, err
	}
	if i := slices.Index(alone, true); i >= 0 {
		return all[i : i+1], nil
	}
	return all, nil // only together
}

// comesBack reports whether a restart passes if the fresh mounts are emptied before it.
func (s restartJudge) comesBack(ctx context.Context, c candidate, fresh []string) (bool, error) {
	proto := c.protocol
	proto.Fresh = fresh
	a := s.sealedTrial("restarted with an empty "+strings.Join(fresh, ", "), c.profile, proto)
	o, err := s.try(ctx, a.unrepeated()) // a diagnosis proves nothing
	return o.Passed(), err
}

// written returns the paths of the mounts that a run wrote to, or may have written to.
func written(o observe.Observation, p profile.Profile) []string {
	var out []string
	for _, m := range p.Mounts {
		if !o.Trace.Complete() || touched(o, p, m) {
			out = append(out, m.Path)
		}
	}
	return out
}

// touched reports whether a run wrote in a mount, or changed the mount itself.
func touched(o observe.Observation, p profile.Profile, m profile.Mount) bool {
	for _, e := range diff.Collect(o) {
		if e.Outcome == observe.Unknown || e.Noise != "" {
			continue
		}
		if c, ok := p.Covering(e.Path); ok && c.Path == m.Path {
			return true
		}
	}
	return false
}

// restartException says that an application does not come back, and what to change.
func restartException(failed Round, p profile.Profile, blamed []string, unsealed Round) *Exception {
	o := failed.Observation
	return &Exception{
		Setting: "restart", Why: o.Failure.Text + lastWords(o) + "; " + restartWhy(blamed, unsealed), Fix: restartFix(o, p, blamed),
	}
}

func restartWhy(blamed []string, unsealed Round) string {
	why := "what is left in the mounts is not to blame: also with empty ones it does not come back"
	if len(blamed) > 0 {
		why = "what is left in " + strings.Join(blamed, " and ") + " is to blame: with an empty one it comes back"
	}
	switch {
	case unsealed.Passed():
		return why + "; unsealed, it comes back"
	case !staysAway(unsealed):
		return why + "; whether it comes back unsealed is not known: " + unsealed.Observation.Failure.Text
	}
	return why + "; unsealed, it does not come back either where its files survive, which in a pod without the seal they do not"
}

// restartFix says what to change, with the files that the run wrote in the mounts that are to blame.
func restartFix(o observe.Observation, p profile.Profile, blamed []string) string {
	if len(blamed) == 0 {
		return "let the application start again by itself after it was killed"
	}
	var files []string
	for _, e := range diff.Collect(o).Allowed() {
		m, ok := p.Covering(e.Path)
		if ok && slices.Contains(blamed, m.Path) && !e.Dir && e.Noise == "" && !e.Transient() && e.Path != m.Path && len(files) < 3 {
			files = append(files, e.Path)
		}
	}
	what := "what an earlier start left in " + strings.Join(blamed, " and ")
	if len(files) > 0 {
		what += fmt.Sprintf(" (%s)", strings.Join(files, ", "))
	}
	return "remove " + what + " before the application starts, in the image's entrypoint, or keep such files in a folder that does not outlive the container"
}
