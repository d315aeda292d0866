package seal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
)

// conclude tightens a profile that passed, and states the seal.
func (s *session) conclude(ctx context.Context, u plan.UserChoice, p profile.Profile) (Result, error) {
	tight, err := s.tighten(ctx, p)
	if err == nil && s.restart != nil && !tight.Equal(p) {
		err = s.restartTightened(ctx, tight)
	}
	if err != nil {
		return Result{}, err
	}
	p = s.withLimits(tight)
	res := Result{Verdict: Sealed, Profile: p, User: u.Name}
	res.Rounds = s.rounds
	proved, ok := res.Proved()
	if !ok {
		return Result{}, errors.New("internal error: the profile that would be emitted has not passed; nothing is emitted")
	}
	res.Why = fmt.Sprintf("passed %q under exactly these settings", proved.Name)
	if s.restart != nil {
		res.Verdict, res.Exceptions = SealedWithExceptions, []Exception{*s.restart}
		res.Why = "it works sealed, but not after a restart: " + s.restart.Why
	}
	for _, e := range diff.Collect(proved.Observation).Denied() {
		if e.Noise == "" {
			res.Swallowed = append(res.Swallowed, e)
		}
	}
	return s.finish(ctx, res)
}

// finish adds the reasons and the choices to a result.
func (s *session) finish(_ context.Context, res Result) (Result, error) {
	for _, w := range s.why {
		if at, ok := strings.CutPrefix(w.Field, "mount "); ok {
			if _, kept := res.Profile.Mount(at); !kept {
				continue
			}
		}
		w.Proof = cmp.Or(s.proofs[w.Field], w.Proof)
		res.Reasons = append(res.Reasons, w)
	}
	res.Reasons = append(res.Reasons, s.seedReason(res.Profile)...)
	res.Reasons = append(res.Reasons, s.limitReasons(res.Profile)...)
	res.Reasons = append(res.Reasons, always(res.Profile)...)
	res.Choices = s.choices(res)
	return res, nil
}

// always are the reasons for the settings that every seal has, as far as the profile has them.
func always(p profile.Profile) []profile.Reason {
	out := []profile.Reason{{Field: "runAsGroup", Why: "a kubelet takes the group from the image's /etc/passwd, or 0, unless it is told"}}
	if !p.WritableRoot {
		out = append(out, profile.Reason{Field: "readOnlyRootFilesystem", Why: "only the mounts are writable"})
	}
	if !p.AllowPrivilegeEscalation {
		out = append(out, profile.Reason{Field: "allowPrivilegeEscalation", Why: "false: setuid programs gain nothing"})
	}
	return append(out, profile.Reason{Field: "seccompProfile", Why: "RuntimeDefault: the sealed run had the engine's default filter"})
}

// choices says, for everything that was written, what became of it.
func (s *session) choices(res Result) []Choice {
	var out []Choice
	seen := map[string]bool{}
	for _, f := range s.plan.Folders {
		c := choiceOf(f)
		seen[f.Path] = true
		m, mounted := res.Profile.Mount(f.Path)
		over, covered := res.Profile.Covering(f.Path)
		volume, ofPod := s.target.GivenMount(f.Path)
		switch {
		case ofPod && !volume.Own:
			c.Decision, c.Reason = "volume "+volume.Volume, fmt.Sprintf("the pod mounts its volume %s at %s", volume.Volume, volume.Path)
		case mounted:
			c.Decision, c.Proof = decision(m), s.proofs[plan.MountField(m.Path)]
			c.Reason = cmp.Or(reasonFor(res.Reasons, plan.MountField(m.Path)), f.Why)
		case covered:
			c.Decision, c.Reason = "in mount "+over.Path, f.Why
		default:
			c.Decision, c.Reason = "read-only", s.tolerated(f, res)
		}
		out = append(out, c)
	}
	for _, m := range res.Profile.Mounts {
		if !seen[m.Path] {
			field := plan.MountField(m.Path)
			out = append(out, Choice{Path: m.Path, Decision: decision(m), Reason: reasonFor(res.Reasons, field), Proof: s.proofs[field]})
		}
	}
	for _, e := range s.plan.Unmountable {
		out = append(out, Choice{
			Path: e.Path, Changes: string(e.Kind), Phase: e.Phase, Decision: "read-only",
			Reason: "nothing can be mounted on /", Evidence: []diff.Evidence{e},
		})
	}
	for _, e := range s.plan.Noise {
		out = append(out, Choice{Path: e.Path, Changes: string(e.Kind), Phase: e.Phase, Decision: "noise", Reason: e.Noise, Evidence: []diff.Evidence{e}})
	}
	slices.SortStableFunc(out, func(a, b Choice) int { return strings.Compare(a.Path, b.Path) })
	return out
}

func choiceOf(f diff.Folder) Choice {
	c := Choice{Path: f.Path, Evidence: f.Evidence}
	for _, k := range []observe.ChangeKind{observe.Added, observe.Modified, observe.Deleted} {
		if slices.ContainsFunc(f.Evidence, func(e diff.Evidence) bool { return e.Kind == k }) {
			c.Changes += string(k)
		}
	}
	for _, ph := range []observe.Phase{observe.Stop, observe.Restart, observe.E2E, observe.Start} {
		if slices.ContainsFunc(f.Evidence, func(e diff.Evidence) bool { return e.Phase == ph }) {
			c.Phase = ph
		}
	}
	return c
}

// tolerated is the reason for a written folder that stays read-only, with the line of the logs that shows it.
func (s *session) tolerated(f diff.Folder, res Result) string {
	why := "the application tolerates that it cannot write here: the sealed run passes without a mount"
	switch {
	case res.Profile.WritableRoot:
		return "no mount: the whole root file system is left writable"
	case res.Verdict == NotSealable:
		return "no mount here made a run pass"
	}
	if res.Verdict == Planned {
		return "first left read-only: it has image content, and what is written at the start is often not needed"
	}
	proved, ok := res.Proved()
	if !ok {
		return why
	}
	for _, l := range plan.ReadRefusals(proved.Observation.Logs, "") {
		if l.Path != "" && profile.Within(l.Path, f.Path) {
			return why + "; it says: " + l.Line
		}
	}
	return why
}

func decision(m profile.Mount) string {
	switch {
	case m.Kind == profile.Seeded:
		return "seeded mount"
	case m.Kind == profile.Owned:
		return "owned mount"
	case m.Medium == profile.Memory:
		return "mount in memory"
	default:
		return "mount"
	}
}

func reasonFor(reasons []profile.Reason, field string) string {
	for _, r := range reasons {
		if r.Field == field {
			return r.Why
		}
	}
	return ""
}

// notExercised says what the runs did not reach.
func (s *session) notExercised(p profile.Profile) []string {
	var out []string
	t := s.target
	if len(t.Commands) == 0 {
		out = append(out, "no e2e command was given: only the start and readiness were exercised")
	} else {
		out = append(out, "whatever the e2e commands do not reach")
	}
	if t.Soak == 0 {
		out = append(out, "what the application first does some time after its start (see --soak)")
	}
	if t.Pod != nil {
		out = append(out, t.Pod.Unsupported...)
	}
	if s.unrepeatable {
		out = append(out, "the e2e commands after a restart: they fail when they are run twice, so a restart was judged by readiness alone")
	}
	if s.untried > 0 {
		out = append(out, fmt.Sprintf("%d more users that the image may be meant for: after %d runs, no further one is tried", s.untried, budget))
	}
	if s.unrestarted != "" {
		out = append(out, s.unrestarted)
	}
	for _, m := range p.Mounts {
		if m.Medium == profile.Memory {
			out = append(out, "the memory of "+m.Path+": the runs kept it on disk, with the mode of one in memory; in a pod what is in it counts against the memory limit")
		}
	}
	return out
}
