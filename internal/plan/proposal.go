package plan

import (
	"cmp"
	"context"
	"slices"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
)

// Blame names a setting or path whose restriction may have made a sealed run fail, with the evidence.
type Blame struct {
	Setting  string   `json:"setting"`  // a Reason's field: "mount /run", "capabilities"
	Evidence string   `json:"evidence"` // "EROFS /run/nginx.pid (nginx, uid 101)"
	Strength Strength `json:"strength"`
}

// Proposal is one way to widen a profile after a failed run.
type Proposal struct {
	Rule    string // the ID of the rule that made it
	Profile profile.Profile
	Blames  []Blame
	Reasons []profile.Reason
}

// Strength returns the strength of the strongest evidence for the proposal; Guess if there is no evidence.
func (p *Proposal) Strength() Strength {
	best := Guess
	for _, b := range p.Blames {
		best = max(best, b.Strength)
	}
	return best
}

// failure is a failed run, as the rules read it.
type failure struct {
	in   Input
	plan Plan
	cur  profile.Profile
	run  observe.Observation
	// denied and refused are the evidence of the phase that failed, without the refusals that the open run has as well.
	denied  diff.List
	refused []Refused
	logs    string // the part of that phase
	// earlier is set if denied and refused are those of all phases: the application continued despite the earlier ones.
	earlier bool
}

// strength returns the strength of evidence from a source.
func (f failure) strength(e diff.Evidence) Strength {
	if e.Source == diff.FromLogs {
		return f.cap(FromLog)
	}
	return f.cap(FromTrace)
}

// cap lowers the strength of evidence from an earlier phase.
func (f failure) cap(s Strength) Strength {
	if f.earlier {
		return min(s, FromEarlier)
	}
	return s
}

// Proposals returns the ways to widen the profile cur after a failed run, strongest evidence first; equally strong ones are in
// the order of the rule table. The result is empty if no rule applies. It fails if the tree of the image cannot be read.
func Proposals(ctx context.Context, in Input, pl Plan, cur profile.Profile, run observe.Observation) ([]Proposal, error) {
	better, err := MoreUsers(ctx, in, UserChoice{User: cur.User}, run)
	if err != nil {
		return nil, err
	}
	var out []Proposal
	for _, f := range failures(in, pl, cur, run) {
		for _, r := range rules {
			if !r.applies(f) {
				continue
			}
			p, err := r.propose(ctx, f)
			if err != nil {
				return nil, err
			}
			if len(p.Blames) == 0 || len(better) > 0 && p.Strength() == Guess { // another user is the better guess
				continue
			}
			if p.Profile, err = keepPrivate(ctx, in.Tree, p.Profile); err != nil {
				return nil, err
			}
			p.Rule = r.id
			known := func(o Proposal) bool { return o.Profile.Equal(p.Profile) }
			if !f.impossible(p) && !slices.ContainsFunc(out, known) {
				out = append(out, p)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Proposal) int { return cmp.Compare(b.Strength(), a.Strength()) })
	return out, nil
}

// failures returns a run as the rules read it: with the evidence of the phase that failed and, if earlier phases have more,
// with the evidence of all phases.
func failures(in Input, pl Plan, cur profile.Profile, run observe.Observation) []failure {
	f := failure{in: in, plan: pl, cur: cur, run: run, logs: run.Logs}
	cwd := workingDir(in)
	denied, refused := evidence(run, cwd)
	denied, refused = sinceOpen(in.Open, cwd, denied, refused)
	f.denied, f.refused = denied.Passing(in.passing(run)), refused
	own := f
	own.denied, own.refused = inPhase(run, f.denied, f.refused)
	own.logs = run.LogsIn(run.Failure.Phase)
	if run.Failure.Phase == observe.Restart || len(own.denied) == len(f.denied) && len(own.refused) == len(f.refused) {
		return []failure{own}
	}
	f.earlier = true
	return []failure{own, f}
}

func (p *Proposal) blame(field, why, evidence string, strength Strength) {
	p.Blames = append(p.Blames, Blame{Setting: field, Evidence: evidence, Strength: strength})
	p.Reasons = append(p.Reasons, profile.Reason{Field: field, Why: why})
}

func (p *Proposal) mount(m profile.Mount, why, evidence string, strength Strength) {
	if old, ok := p.Profile.Mount(m.Path); ok && old == m {
		return
	}
	p.Profile = p.Profile.WithMount(m)
	p.blameMount(m.Path, why, evidence, strength)
}

// blameMount adds a blame for the lack of a mount, and the reason for it.
func (p *Proposal) blameMount(at, why, evidence string, strength Strength) {
	p.Blames = append(p.Blames, Blame{Setting: profile.MountID(at), Evidence: evidence, Strength: strength})
	p.Reasons = append(p.Reasons, mountReason(at, why))
}

// Strength is the strength of evidence.
type Strength int

// The strengths of evidence, from the weakest.
const (
	Guess       Strength = iota // no evidence in the run
	FromEarlier                 // evidence of a phase that the run passed, or of the open run
	FromLog                     // a line of the application or of an e2e command
	FromExit                    // the engine's error
	FromTrace                   // the tracer recorded it
)

var strengths = [...]string{"guess", "earlier phase", "log line", "exit error", "trace"}

// String returns the strength in words: "guess", "earlier phase", "log line", "exit error" or "trace".
func (s Strength) String() string { return strengths[s] }

// MarshalText implements encoding.TextMarshaler.
func (s Strength) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
