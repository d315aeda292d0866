package seal

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/trial"
)

// except tightens and confirms a profile that passes only with exceptions. failed is the last sealed run.
func (s relaxing) except(ctx context.Context, p profile.Profile, failed observe.Observation) (finding, error) {
	base, c := s.base, s.base
	c.profile = p
	if err := s.widen(ctx, &c); err != nil {
		return finding{}, err
	}
	if !c.passed {
		return finding{verdict: NotSealable, why: "the last sealed run: " + failed.Failure.Text, c: base, profile: base.profile}, nil
	}
	f, err := s.confirm(ctx, c, s.steps)
	if err != nil {
		return finding{}, err
	}
	if f.exceptions, err = s.exceptions(ctx, f, failed); err != nil {
		return finding{}, err
	}
	f.verdict = SealedWithExceptions
	f.why = "it works only without " + strings.Join(labelled(f), ", ") + "; sealed, it failed: " + failed.Failure.Text
	if f.c.restart != nil {
		f.exceptions = append(f.exceptions, *f.c.restart)
	}
	if f.profile.User.UID == 0 || !f.confirmed.Passed() {
		f.verdict = NotSealable
	}
	if !f.confirmed.Passed() {
		f.why += "; " + unconfirmed(f.confirmed)
	}
	return f, nil
}

// steps returns the relaxations of a profile with exceptions that tightening may remove: root is one of them.
func (s relaxing) steps(p profile.Profile) []profile.Relaxation {
	all := p.Relaxations()
	if p.User.UID != 0 {
		return all
	}
	user := s.base.profile.User
	root := profile.Relaxation{ID: profile.RootID, Exception: true, Undo: func(p profile.Profile) profile.Profile {
		p.User = user
		return p
	}}
	return append([]profile.Relaxation{root}, all...)
}

// exceptions says of each exception of a finding which run failed without it, and what to change in the image: the trial that
// proved it or, if there is none, the last sealed run. An exception whose trial was inconclusive says so.
func (s relaxing) exceptions(ctx context.Context, f finding, failed observe.Observation) ([]Exception, error) {
	var out []Exception
	for _, name := range f.profile.Exceptions() {
		run, p, why := failed, s.base.profile, "sealed, it failed: "
		if o, ok := s.provedBy(f, name); ok {
			run, p, why = o.Observation, o.Profile, "without it, it failed: "
		}
		run = untolerated(run, f.c.last.Observation)
		why += run.Failure.Text + lastWords(run)
		fix, err := s.k.fix(ctx, name, p, run)
		if err != nil {
			return nil, err
		}
		if text := unproved(f, name); text != "" {
			why = text + "; " + why
		}
		out = append(out, Exception{Setting: name, Why: why, Fix: fix})
	}
	return out, nil
}

// provedBy returns the round that failed without an exception, and false if there is none. One without mounts does not show
// why no mount makes up for a read-only root file system.
func (s relaxing) provedBy(f finding, exception string) (Round, bool) {
	proof, ok := proofWithout(f, exception)
	bare := len(f.profile.Mounts) < len(s.base.profile.Mounts)
	if !ok || proof.Outcome != trial.Failed || bare && exception == readOnlyRoot {
		return Round{}, false
	}
	for _, o := range slices.Backward(s.ledger.all()) {
		if o.Name == proof.Round && o.Outcome == trial.Failed {
			return o, true
		}
	}
	return Round{}, false
}

// proofWithout returns the proof of an exception, and false if there is none.
func proofWithout(f finding, exception string) (Proof, bool) {
	id := exception
	if _, name, ok := strings.Cut(exception, ":"); ok {
		id = profile.CapabilityID(name)
	}
	i := slices.IndexFunc(f.proofs, func(p Proof) bool { return p.Relaxation == id })
	if i < 0 {
		return Proof{}, false
	}
	return f.proofs[i], true
}

// untolerated returns a failed run without the refused writes, and without the lines of its last logs, that a passed run has as
// well.
func untolerated(failed, passed observe.Observation) observe.Observation {
	failed.Writes = slices.DeleteFunc(slices.Clone(failed.Writes), func(w observe.Write) bool {
		return w.Outcome == observe.Denied && slices.ContainsFunc(passed.Writes, func(o observe.Write) bool {
			return o.Outcome == observe.Denied && plan.Alike(o.Path, w.Path)
		})
	})
	known := map[string]bool{}
	for l := range strings.Lines(passed.Logs) {
		known[observe.LineTemplate(l)] = true
	}
	var own []string
	for l := range strings.Lines(failed.LogsIn(failed.Failure.Phase)) {
		if !known[observe.LineTemplate(l)] {
			own = append(own, l)
		}
	}
	failed.Logs, failed.LogStart = strings.Join(own, ""), nil
	return failed
}

// labelled returns the names of the exceptions of a finding, each with a label if its trial was inconclusive.
func labelled(f finding) []string {
	names := f.profile.Exceptions()
	for i, name := range names {
		if unproved(f, name) != "" {
			names[i] += " (not proved)"
		}
	}
	return names
}

// unproved returns the text of the inconclusive trial without an exception, or "" if that trial was not inconclusive.
func unproved(f finding, exception string) string {
	if proof, _ := proofWithout(f, exception); proof.Outcome == trial.Inconclusive {
		return proof.Text
	}
	return ""
}

// lastWords returns the line of the application that decides, to be appended to a sentence: the first one that is about a
// refusal, else the last one that reports an error, else the last one.
func lastWords(o observe.Observation) string {
	if refused := plan.ReadRefusals(o.LogsIn(o.Failure.Phase), ""); len(refused) > 0 {
		return "; it says: " + refused[0].Line
	}
	said, worst := "", ""
	for l := range strings.Lines(o.Logs) {
		if l = strings.TrimSpace(l); l == "" {
			continue
		}
		if said = l; observe.ReportsError(l) {
			worst = l
		}
	}
	if said = cmp.Or(worst, said); said != "" {
		return "; it says: " + said
	}
	return ""
}
