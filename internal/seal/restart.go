package seal

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
)

// maxEmptied bounds how many mounts are emptied one by one to find the one whose content is to blame.
const maxEmptied = 6

// restartFails judges a profile that passes until its first process is killed, and does not come back then. Three
// things may be to blame: what the mounts keep, which an unsealed pod would lose with its container; the seal itself;
// or the application, which comes back from a kill in no way.
func (s *session) restartFails(ctx context.Context, u plan.UserChoice, p profile.Profile) (Result, error) {
	failed := s.lastOf(p)
	unsealed, err := s.round(ctx, "open run, killed and started again", profile.Unrestricted(), s.sealedLimits(true))
	if err != nil {
		return Result{}, err
	}
	blamed, err := s.blameContent(ctx, p)
	if err != nil {
		return Result{}, err
	}
	s.noRestart = true
	if ok, err := s.passes(ctx, "sealed, not restarted", p); err != nil || !ok {
		res := Result{Verdict: NotSealable, Profile: p, User: u.Name, Why: "it works sealed at most once: " + failed.Failure}
		if err != nil {
			return res, err
		}
		return s.finish(ctx, res)
	}
	if len(blamed) == 0 && !unsealed.Passed() {
		s.unrestarted = "a restart: unsealed, too, the application does not come back after its first process was killed (" + unsealed.Failure + ")"
		return s.conclude(ctx, u, p)
	}
	s.restart = &Exception{Setting: "restart", Why: failed.Failure + lastWords(failed) + "; " + restartWhy(blamed, unsealed), Fix: restartFix(failed, p, blamed)}
	return s.conclude(ctx, u, p)
}

// restartTightened restarts a tightened profile: the mount whose content was to blame may be gone.
func (s *session) restartTightened(ctx context.Context, p profile.Profile) error {
	s.noRestart = false
	o, err := s.sealed(ctx, "tightened and restarted", p)
	s.noRestart = true
	if o.Passed() && err == nil {
		s.restart = nil
	}
	return err
}

// blameContent finds the mounts whose surviving content keeps the application from coming back: without it, the folders
// made anew before the restart, it does.
func (s *session) blameContent(ctx context.Context, p profile.Profile) ([]string, error) {
	all := written(s.lastOf(p), p)
	if len(all) == 0 {
		return nil, nil
	}
	back, err := s.comesBack(ctx, p, all)
	if err != nil || !back || len(all) == 1 || len(all) > maxEmptied {
		if !back {
			all = nil
		}
		return all, err
	}
	alone := make([]bool, len(all))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, s.opts.Parallel))
	for i, at := range all {
		g.Go(func() (err error) {
			alone[i], err = s.comesBack(ctx, p, []string{at})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i, at := range all {
		if alone[i] {
			return []string{at}, nil
		}
	}
	return all, nil // only together
}

// comesBack tells whether a restart passes over mounts of which some are made anew before it.
func (s *session) comesBack(ctx context.Context, p profile.Profile, fresh []string) (bool, error) {
	l := s.sealedLimits(true)
	l.fresh = fresh
	o, err := s.round(ctx, "restarted with an empty "+strings.Join(fresh, ", "), p, l)
	return o.Passed(), err
}

// written are the mounts in which a run left something, or may have.
func written(o observe.Observation, p profile.Profile) []string {
	var out []string
	for _, m := range p.Mounts {
		if !o.Trace.On || o.Trace.Lost > 0 || touched(o, p, m) {
			out = append(out, m.Path)
		}
	}
	return out
}

func restartWhy(blamed []string, unsealed observe.Observation) string {
	why := "what is left in the mounts is not to blame: also with empty ones it does not come back"
	if len(blamed) > 0 {
		why = "what is left in " + strings.Join(blamed, " and ") + " is to blame: with an empty one it comes back"
	}
	if unsealed.Passed() {
		return why + "; unsealed, it comes back"
	}
	return why + "; unsealed, it does not come back either where its files survive, which in a pod without the seal they do not"
}

// lastWords are the application's own, with which it ended.
func lastWords(o observe.Observation) string {
	if said := lastLine(o.Logs); said != "" {
		return "; it says: " + said
	}
	return ""
}

// restartFix says what to change, with the files that the run wrote in the mounts that are to blame.
func restartFix(o observe.Observation, p profile.Profile, blamed []string) string {
	if len(blamed) == 0 {
		return "let the application start again by itself after it was killed"
	}
	var files []string
	for _, e := range diff.Collect(o).Allowed() {
		m, ok := p.Covering(e.Path)
		if ok && slices.Contains(blamed, m.Path) && !e.Dir && e.Noise == "" && e.Path != m.Path && len(files) < 3 {
			files = append(files, e.Path)
		}
	}
	what := "what an earlier start left in " + strings.Join(blamed, " and ")
	if len(files) > 0 {
		what += fmt.Sprintf(" (%s)", strings.Join(files, ", "))
	}
	return "remove " + what + " before the application starts, in the image's entrypoint, or keep such files in a folder that does not outlive the container"
}

// failsAtRestart is the last profile of a user that passed until its first process was killed.
func (s *session) failsAtRestart(u plan.UserChoice) (profile.Profile, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range slices.Backward(s.rounds) {
		if !r.Profile.Open && r.Observation.FailedIn == observe.Restart && r.Profile.User.UID == u.User.UID {
			return r.Profile, true
		}
	}
	return profile.Profile{}, false
}

// lastOf is the last round's observation under a profile.
func (s *session) lastOf(p profile.Profile) observe.Observation {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range slices.Backward(s.rounds) {
		if r.Profile.Equal(p) {
			return r.Observation
		}
	}
	return observe.Observation{}
}
