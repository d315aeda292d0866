package seal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/loss"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// explanation holds the inputs of a result: a finding and the knowledge of the target. It runs no trials.
type explanation struct {
	finding
	k      knowledge
	target target.Target
	rounds []Round
	limits bool // propose a sizeLimit for each mount
}

// explain returns the result of a finding: the reasons, the choices, and the parts that the runs did not exercise.
func (s search) explain(ctx context.Context, f finding) (Result, error) {
	e := explanation{finding: f, k: s.k, target: s.target, rounds: s.ledger.all(), limits: s.opts.SizeLimits}
	res, err := e.result(s.facts)
	if err != nil || res.Seal == nil {
		return res, err
	}
	sealed := e.sealedRound()
	res.Losses, err = loss.Find(ctx, s.k.in.Tree, s.k.open, sealed.Observation, sealed.Profile)
	return res, err
}

func (s explanation) result(facts image.Facts) (Result, error) {
	f, p := s.finding, s.profile
	if f.confirmed.Passed() {
		p = s.withLimits(p)
	}
	res := Result{
		Target: s.target, Verdict: f.verdict, Why: f.why, Profile: p, User: f.c.user.Name,
		Exceptions: f.exceptions, Proofs: f.proofs, Advice: s.k.advice,
	}
	if f.verdict == NotSealable && p.User.UID == 0 {
		res.User = "root"
	}
	if f.confirmed.Passed() {
		seal, err := mint(s.target, facts, f.confirmed, f.exceptions)
		if err != nil {
			return Result{}, err
		}
		if !seal.Profile.Equal(p) {
			return Result{}, errNotConfirmed
		}
		seal.Profile, res.Seal = p, seal
	}
	if f.verdict != NotTestable { // else there is no profile
		res.Reasons = s.reasons(p)
	}
	res.Swallowed = s.swallowed()
	res.Choices = s.choices(res)
	res.NotExercised = s.notExercised(p)
	return res, nil
}

// reasons returns the reasons for the fields of a profile, with their proofs.
func (s explanation) reasons(p profile.Profile) []profile.Reason {
	var out []profile.Reason
	for _, w := range s.c.reasons {
		if _, has := p.Mount(w.Mount); w.Mount != "" && !has {
			continue
		}
		if w.Field == "runAsUser" && p.User.UID == 0 {
			w.Why = "no other user works: see the exceptions"
		}
		w.Proof = cmp.Or(proofOf(s.proofs, w), w.Proof)
		out = append(out, w)
	}
	out = append(out, s.seedReason(p)...)
	out = append(out, s.limitReasons(p)...)
	return append(out, always(p, out)...)
}

// proofOf returns the text of the proof for a reason: that of the mount itself, else that of its owner or medium, else "".
func proofOf(proofs []Proof, r profile.Reason) string {
	for _, id := range plan.RelaxationsOf(r) {
		for _, p := range proofs {
			if p.Relaxation == id {
				return p.Text
			}
		}
	}
	return ""
}

// sealedRound returns the last passed, traced round of the finding's profile, which shows the refusals; else its confirmation
// run.
func (s explanation) sealedRound() Round {
	best := s.confirmed
	for _, o := range s.rounds {
		if o.Passed() && o.Profile.Equal(s.profile) && o.Observation.Trace.On {
			best = o
		}
	}
	return best
}

// swallowed returns the writes that were denied in the sealed run, although it passed, and that the open run was not denied.
func (s explanation) swallowed() []diff.Evidence {
	if !s.confirmed.Passed() {
		return nil
	}
	open := diff.Collect(s.k.open).Denied().OnAnyHost()
	var out []diff.Evidence
	for _, e := range diff.Collect(s.sealedRound().Observation).Denied().OnAnyHost() {
		same := func(o diff.Evidence) bool { return o.Path == e.Path }
		if e.Noise == "" && !slices.ContainsFunc(open, same) {
			out = append(out, e)
		}
	}
	return out
}

// seedReason returns the reason for the image of the init containers, if a profile needs one.
func (s explanation) seedReason(p profile.Profile) []profile.Reason {
	for _, m := range p.Mounts {
		if m.NeedsInit() && s.k.in.Seeding.Why != "" {
			return []profile.Reason{{Field: plan.SeedField, Why: s.k.in.Seeding.Why}}
		}
	}
	return nil
}

// always returns the reasons for the settings that every seal has by default, without those that the profile gives up and
// those that have a reason already.
func always(p profile.Profile, have []profile.Reason) []profile.Reason {
	out := []profile.Reason{{Field: "runAsGroup", Why: "a kubelet takes the group from the image's /etc/passwd, or 0, unless the pod sets one"}}
	if !p.WritableRoot {
		out = append(out, profile.Reason{Field: "readOnlyRootFilesystem", Why: "only the mounts are writable"})
	}
	if reasonFor(have, plan.CapabilityField) == "" {
		why := "no process has a privilege of root"
		if len(p.AddCapabilities) > 0 {
			why = "only those of the exceptions are given back"
		}
		out = append(out, profile.Reason{Field: plan.CapabilityField, Why: why})
	}
	if !p.AllowPrivilegeEscalation {
		out = append(out, profile.Reason{Field: "allowPrivilegeEscalation", Why: "false: setuid programs gain nothing"})
	}
	return append(out, profile.Reason{Field: "seccompProfile", Why: "RuntimeDefault: the sealed run had the engine's default filter"})
}

// choices returns the decision about every written folder and path, sorted by path.
func (s explanation) choices(res Result) []Choice {
	var out []Choice
	seen := map[string]bool{}
	for _, d := range s.c.plan.Folders {
		c := choiceOf(d)
		seen[d.Path] = true
		m, mounted := res.Profile.Mount(d.Path)
		over, covered := res.Profile.Covering(d.Path)
		volume, ofPod := s.target.GivenMount(d.Path)
		switch {
		case ofPod && !volume.Own:
			c.Decision, c.Of, c.Reason = PodVolume, volume.Volume, fmt.Sprintf("the pod mounts its volume %s at %s", volume.Volume, volume.Path)
		case mounted:
			c.Decision, c.Proof = decision(m), proofOf(s.proofs, profile.Reason{Mount: m.Path})
			c.Reason = cmp.Or(reasonFor(res.Reasons, profile.MountID(m.Path)), d.Why)
		case covered:
			c.Decision, c.Of, c.Reason = InMount, over.Path, d.Why
		default:
			c.Decision, c.Reason = ReadOnly, s.tolerated(d, res)
		}
		out = append(out, c)
	}
	for _, m := range res.Profile.Mounts {
		if !seen[m.Path] {
			field := profile.MountID(m.Path)
			out = append(out, Choice{Path: m.Path, Decision: decision(m), Reason: reasonFor(res.Reasons, field), Proof: proofOf(s.proofs, profile.Reason{Mount: m.Path})})
		}
	}
	for _, e := range s.c.plan.Unmountable {
		out = append(out, Choice{
			Path: e.Path, Changes: string(e.Kind), Phase: e.Phase, Decision: ReadOnly,
			Reason: "nothing can be mounted on /", Evidence: []diff.Evidence{e},
		})
	}
	for _, e := range s.c.plan.Noise {
		out = append(out, Choice{Path: e.Path, Changes: string(e.Kind), Phase: e.Phase, Decision: Noise, Reason: e.Noise, Evidence: []diff.Evidence{e}})
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

// tolerated returns the reason why a written folder is read-only, with the line of the logs that shows it.
func (s explanation) tolerated(d diff.Folder, res Result) string {
	why := "the application tolerates that it cannot write here: the sealed run passes without a mount"
	switch {
	case res.Profile.WritableRoot:
		return "no mount: the whole root file system is left writable"
	case res.Verdict == NotSealable:
		return "no mount here made a run pass"
	}
	if res.Verdict == Planned {
		return "read-only at first: it has image content, and writes at the start are often not needed"
	}
	for _, l := range plan.ReadRefusals(s.confirmed.Observation.Logs, "") {
		if l.Path != "" && profile.Within(l.Path, d.Path) {
			return why + "; it says: " + l.Line
		}
	}
	return why
}

func decision(m profile.Mount) Decision {
	switch {
	case m.Kind == profile.Seeded:
		return SeededMount
	case m.Kind == profile.Owned:
		return OwnedMount
	case m.Medium == profile.Memory:
		return MemoryMount
	default:
		return Mount
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

// notExercised returns the parts of the application that the runs did not exercise.
func (s explanation) notExercised(p profile.Profile) []string {
	var out []string
	t := s.target
	if s.k.job && s.verdict != NotTestable {
		out = append(out, "a server: the image runs to its end and exits 0, so it was sealed as a job")
	}
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
	if s.untried > 0 {
		out = append(out, fmt.Sprintf("%d more users that the image may be meant for: only the first %d are tried", s.untried, maxUsers))
	}
	out = append(out, s.c.notes...)
	for _, m := range p.Mounts {
		if m.Medium == profile.Memory {
			out = append(out, "the memory of "+m.Path+": the runs kept it on disk, with the mode of a mount in memory; in a pod its content counts against the memory limit")
		}
	}
	return out
}
