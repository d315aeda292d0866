package seal

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/race"
	"github.com/podseal/podseal/internal/trial"
)

// chunks is the number of groups that a long list of capabilities starts in.
const chunks = 4

// manyNamesakes is the number of paths with the same last part that are dealt with together.
const manyNamesakes = 3

// minimize removes from a candidate's profile every relaxation that it does not need, and proves the others, by delta debugging.
// It tries the profile without each group of relaxations, in parallel. It then removes all unneeded groups at once or, if that
// fails, one after the other. A needed group is split until it is a single relaxation. A relaxation whose trial was inconclusive
// is kept. The returned profile has passed under the candidate's protocol.
func (s search) minimize(ctx context.Context, c candidate, all []profile.Relaxation) (profile.Profile, []Proof, error) {
	p := c.profile
	if s.opts.Minimize == MinimizeNone {
		return p, nil, nil
	}
	all = s.removable(p, all)
	m := minimizer{search: s, c: c, proofs: map[string]Proof{}, absent: map[string]bool{}}
	for _, mount := range p.Mounts {
		_, ok, err := image.Probe(ctx, s.k.in.Tree, mount.Path)
		if err != nil {
			return p, nil, fmt.Errorf("looking up %s in the image: %w", mount.Path, err)
		}
		m.absent[mount.Path] = !ok
	}
	p, err := m.withoutUntouched(ctx, p, all)
	if err != nil || s.opts.Minimize == MinimizeFast {
		return p, nil, err
	}
	groups := grouped(has(p, all))
	for len(groups) > 0 {
		m.ledger.expect(len(groups))
		if p, groups, err = m.round(ctx, p, groups); err != nil {
			return p, nil, err
		}
	}
	return p, m.list(p), nil
}

// withoutUntouched removes, in one trial, the mounts that the passing run did not write to, if it was completely traced.
func (m minimizer) withoutUntouched(ctx context.Context, p profile.Profile, all []profile.Relaxation) (profile.Profile, error) {
	c, o := m.c, m.c.last.Observation
	if !o.Trace.Complete() || !c.last.Profile.Equal(p) {
		return p, nil
	}
	next := p
	for _, mount := range p.Mounts {
		r := slices.IndexFunc(all, func(r profile.Relaxation) bool { return r.ID == profile.MountID(mount.Path) })
		if r >= 0 && !touched(o, p, mount) && !m.blamed(mount) && !m.failedWithout(all[r].Undo(p), c.protocol) {
			next = all[r].Undo(next)
		}
	}
	if next.Equal(p) {
		return p, nil
	}
	got, err := m.try(ctx, m.withoutTrial("without what was not touched", next, c))
	if err != nil || !got.Passed() {
		return p, err
	}
	return next, nil
}

// blamed reports whether a failed run of the candidate was blamed on the lack of a mount. Another mount may serve in its
// place now: which of them is removed is decided one by one.
func (m minimizer) blamed(mount profile.Mount) bool {
	return slices.ContainsFunc(m.ledger.all(), func(o Round) bool {
		return o.Profile.User.UID == m.c.user.User.UID && slices.ContainsFunc(o.Blames, func(b plan.Blame) bool {
			return b.Setting == profile.MountID(mount.Path) && b.Strength > plan.Guess
		})
	})
}

// failedWithout reports whether it is known that a profile fails.
func (m minimizer) failedWithout(p profile.Profile, proto trial.Protocol) bool {
	o, _ := m.ledger.find(p, proto, true)
	return o.Outcome == trial.Failed
}

// minimizer is the state of minimize.
type minimizer struct {
	search
	c      candidate
	proofs map[string]Proof
	absent map[string]bool // the mounts whose folder the image does not have
}

// round tries a profile without each group, and returns the profile without those that are not needed, and the parts of the
// others that are still to be tried.
func (m minimizer) round(ctx context.Context, p profile.Profile, groups [][]profile.Relaxation) (profile.Profile, [][]profile.Relaxation, error) {
	results := make([]Round, len(groups))
	parallel := m.parallel()
	if p.User.UID == 0 { // the target is not sealable in any case
		parallel = m.slots()
	}
	err := race.Each(ctx, len(groups), parallel, func(ctx context.Context, i int) (err error) {
		results[i], err = m.tryWithout(ctx, p, groups[i])
		return err
	})
	if err != nil {
		return p, nil, err
	}
	var needless, rest [][]profile.Relaxation
	for i, g := range groups {
		switch {
		case results[i].Passed():
			needless = append(needless, g)
		case len(g) == 1:
			m.prove(p, g[0], results[i])
		default:
			rest = append(rest, halves(g)...)
		}
	}
	p, err = m.drop(ctx, p, needless)
	return p, rest, err
}

// drop removes groups that single trials did without: all at once, else one after the other.
func (m minimizer) drop(ctx context.Context, p profile.Profile, needless [][]profile.Relaxation) (profile.Profile, error) {
	if len(needless) == 0 {
		return p, nil
	}
	// If they can replace each other, the least intrusive one is kept.
	slices.SortStableFunc(needless, func(a, b []profile.Relaxation) int { return cmp.Compare(m.intrusion(b[0]), m.intrusion(a[0])) })
	all := slices.Concat(needless...)
	o, err := m.tryNamed(ctx, "without all that is not needed", undo(p, all))
	if err != nil || o.Passed() {
		return undo(p, all), err
	}
	for _, g := range needless {
		o, err := m.tryNamed(ctx, "without "+names(g)+" too", undo(p, g))
		switch {
		case err != nil:
			return p, err
		case o.Passed():
			p = undo(p, g)
		default:
			for _, r := range g {
				m.prove(p, r, o)
			}
		}
	}
	return p, nil
}

// intrusion ranks relaxations by how much they change of the image's own setup: exceptions, then settings, then mounts whose
// folder the image does not have, then those of folders that it has, temp folders last.
func (m minimizer) intrusion(r profile.Relaxation) int {
	switch {
	case r.Exception:
		return 5
	case r.Kind != profile.MountStep:
		return 4
	case m.absent[r.Path]:
		return 3
	case r.Path == plan.TempFolder:
		return 0
	case plan.IsTempFolder(r.Path):
		return 1
	}
	return 2
}

// tryWithout tries a profile without a group. The failure of more than one relaxation proves nothing, and counts at once: its
// parts are tried again.
func (m minimizer) tryWithout(ctx context.Context, p profile.Profile, g []profile.Relaxation) (Round, error) {
	a := m.withoutTrial(withoutName(g...), undo(p, g), m.c)
	if len(g) > 1 {
		a = a.unrepeated()
	}
	if slices.ContainsFunc(g, func(r profile.Relaxation) bool { return r.Exception && (p.User.UID != 0 || r.ID == profile.RootID) }) {
		a.patience = trial.Patience{} // the verdict depends on it
	}
	return m.try(ctx, a)
}

func (m minimizer) tryNamed(ctx context.Context, name string, p profile.Profile) (Round, error) {
	return m.try(ctx, m.withoutTrial(name, p, m.c))
}

// prove records the result of a trial without a relaxation as its proof.
func (m minimizer) prove(p profile.Profile, r profile.Relaxation, o Round) {
	text := "kept, not proved: " + string(o.Cause) + ": " + o.Observation.Failure.Text
	if o.Outcome == trial.Failed {
		text = "without it: " + o.Observation.Failure.Text
		if evidence := plan.ProofEvidence(o.Observation, p, o.Profile); evidence != "" {
			text += "; " + evidence
		}
	}
	m.proofs[r.ID] = Proof{Relaxation: r.ID, Outcome: o.Outcome, Text: text, Round: o.Name, Suite: o.Observation.Failure.Suite}
}

// list returns the proofs of a profile, in the order of its relaxations; those of the user last.
func (m minimizer) list(p profile.Profile) []Proof {
	var out []Proof
	for _, r := range p.Relaxations() {
		if proof, ok := m.proofs[r.ID]; ok {
			out = append(out, proof)
		}
	}
	if proof, ok := m.proofs[profile.RootID]; ok {
		out = append(out, proof)
	}
	return out
}

// grouped makes a group of each relaxation. Capabilities are many, and start in a few groups. Mounts of namesakes, as the
// caches that a runtime makes in each folder of code, start in one group: they are needed together or not at all.
func grouped(all []profile.Relaxation) [][]profile.Relaxation {
	namesakes := map[string]int{}
	for _, r := range all {
		if r.Kind == profile.MountStep {
			namesakes[path.Base(r.Path)]++
		}
	}
	var out [][]profile.Relaxation
	var caps []profile.Relaxation
	at := map[string]int{} // the group of a name
	for _, r := range all {
		name := path.Base(r.Path)
		together := r.Kind == profile.MountStep && namesakes[name] >= manyNamesakes
		n, known := at[name]
		switch {
		case r.Kind == profile.CapabilityStep:
			caps = append(caps, r)
		case together && known:
			out[n] = append(out[n], r)
		default:
			if together {
				at[name] = len(out)
			}
			out = append(out, []profile.Relaxation{r})
		}
	}
	if len(caps) == 0 {
		return out
	}
	return append(out, slices.Collect(slices.Chunk(caps, (len(caps)+chunks-1)/chunks))...)
}

func halves(g []profile.Relaxation) [][]profile.Relaxation {
	return slices.Collect(slices.Chunk(g, (len(g)+1)/2))
}

// has returns the relaxations that a profile still has.
func has(p profile.Profile, all []profile.Relaxation) []profile.Relaxation {
	ids := map[string]bool{profile.RootID: p.User.UID == 0}
	for _, r := range p.Relaxations() {
		ids[r.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(all), func(r profile.Relaxation) bool { return !ids[r.ID] })
}

func undo(p profile.Profile, g []profile.Relaxation) profile.Profile {
	for _, r := range g {
		p = r.Undo(p)
	}
	return p
}

// names names a group for the name of a round.
func names(g []profile.Relaxation) string {
	switch {
	case len(g) > 4 && g[0].Kind == profile.MountStep:
		return fmt.Sprintf("%s and %d more of this name", g[0].ID, len(g)-1)
	case len(g) > 4:
		return fmt.Sprintf("%d capabilities", len(g))
	}
	var out []string
	for _, r := range g {
		out = append(out, r.ID)
	}
	return strings.Join(out, ", ")
}
