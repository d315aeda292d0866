package sealfile

import (
	"slices"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

// Options are what a seal file has in addition to a result.
type Options struct {
	Target   string   // the name of the target in podseal.yaml; empty for none
	Read     ReadFile // for the files of the commands; nil finds none
	Manifest Manifest // the settings of the container's manifest

	Accepted []Acceptance
	Merged   []Entry // the seals whose evidence the result includes
	Run      Run
}

// Acceptance is an exception that the user accepts.
type Acceptance struct {
	Setting string
	Reason  string
	Expires string // YYYY-MM-DD; empty for ever
}

// New returns the seal of a result that has a proof, and false for one without.
func New(res seal.Result, o Options) (Seal, bool) {
	proved, ok := res.Proved()
	if res.Seal == nil || !ok {
		return Seal{}, false
	}
	c := cleaner{res.Target, res.RunID}
	shown, _ := res.Traced()
	s := Seal{
		Version: Version, Target: o.Target, Container: res.Target.Name, Verdict: string(res.Verdict),
		Image:    Image{Reference: res.Seal.Image.Reference, Digest: bareDigest(res.Seal.Image.Digest), ID: res.Seal.Image.ID, Platform: res.Seal.Image.Platform},
		Commands: NewCommands(res.Target, o.Read),
		Profile:  res.Profile, Restart: res.Seal.Restart, Manifest: o.Manifest,
		Ports:  slices.Sorted(slices.Values(proved.Observation.Listening)),
		Writes: c.writes(res.Choices), Denied: c.denied(res, shown.Observation), Losses: c.losses(res.Losses),
		NotExercised: c.texts(res.NotExercised), Run: o.Run,
	}
	if res.Target.Pod != nil {
		s.Object = res.Target.Pod.Original
	}
	for _, r := range res.Reasons {
		s.Fields = append(s.Fields, Field{r.Field, c.text(r.Why), c.text(r.Proof)})
	}
	for _, x := range res.Exceptions {
		s.Exceptions = append(s.Exceptions, c.exception(x, o.Accepted))
	}
	s.Needs = needs(res, o.Merged)
	for _, m := range o.Merged {
		s.Merged = append(s.Merged, Merged{m.Title(), m.Commands.Hash})
	}
	return s, true
}

// Seconds returns how long the runs of a result took together.
func Seconds(res seal.Result) float64 {
	var took time.Duration
	for _, r := range res.Rounds {
		took += r.Took
	}
	return took.Round(100 * time.Millisecond).Seconds()
}

// bareDigest returns the digest of "repo@sha256:...".
func bareDigest(digest string) string { return digest[strings.LastIndex(digest, "@")+1:] }

// exception returns an exception with the user's reason to accept it.
func (c cleaner) exception(x seal.Exception, accepted []Acceptance) Exception {
	out := Exception{Setting: x.Setting, Why: c.text(x.Why), Fix: c.text(x.Fix)}
	for _, a := range accepted {
		if a.Setting == x.Setting {
			out.Reason, out.Expires = a.Reason, a.Expires
		}
	}
	return out
}

// losses returns the losses, sorted. Of those that differ in what changes from run to run, one is kept.
func (c cleaner) losses(in []seal.Loss) []Loss {
	var out []Loss
	for _, l := range in {
		what := c.text(l.What)
		if l.Kind == seal.NewError {
			what = observe.LineTemplate(what)
		}
		now := Loss{Kind: string(l.Kind), What: what, Detail: c.text(l.Detail)}
		if !slices.ContainsFunc(out, func(have Loss) bool { return have.Kind == now.Kind && have.What == now.What }) {
			out = append(out, now)
		}
	}
	slices.SortStableFunc(out, func(a, b Loss) int {
		return strings.Compare(a.Kind+"\x00"+a.What, b.Kind+"\x00"+b.What)
	})
	return out
}

// needs says which suite needed each relaxation that a run proved, where there is more than one suite to choose from.
func needs(res seal.Result, merged []Entry) []Need {
	suites := map[string]bool{}
	for _, c := range res.Target.Commands {
		suites[c.Suite] = true
	}
	if len(suites) < 2 && len(merged) == 0 {
		return nil
	}
	var out []Need
	for _, p := range res.Proofs {
		if p.Outcome == trial.Failed {
			out = append(out, Need{Relaxation: p.Relaxation, Suite: suiteOf(res.Target, res.Rounds, p.Round)})
		}
	}
	for _, m := range merged {
		out = append(out, m.floorNeeds(out)...)
	}
	return out
}

// floorNeeds returns the needs that a merged seal proves, without those that are known.
func (s Seal) floorNeeds(known []Need) []Need {
	var out []Need
	for _, r := range s.Profile.Relaxations() {
		if slices.ContainsFunc(known, func(n Need) bool { return n.Relaxation == r.ID }) {
			continue
		}
		need := Need{Relaxation: r.ID, Proved: s.Title()}
		if i := slices.IndexFunc(s.Needs, func(n Need) bool { return n.Relaxation == r.ID }); i >= 0 {
			need.Suite = s.Needs[i].Suite
		} else if suites := s.Commands.suites(); len(suites) == 1 {
			need.Suite = suites[0]
		}
		out = append(out, need)
	}
	return out
}

// suites returns the names of the suites, each once, in their order.
func (c Commands) suites() []string {
	var out []string
	for _, command := range c.List {
		if !slices.Contains(out, command.Suite) {
			out = append(out, command.Suite)
		}
	}
	return out
}

// suiteOf returns the suite of the command that failed in a round; empty if none did.
func suiteOf(t target.Target, rounds []seal.Round, name string) string {
	for _, r := range rounds {
		f := r.Observation.Failure
		if r.Name != name || f.Kind != observe.CommandFailed && f.Kind != observe.CommandTimeout || len(r.Observation.Commands) == 0 {
			continue
		}
		failed := r.Observation.Commands[len(r.Observation.Commands)-1]
		for _, c := range t.Commands {
			if c.String() == failed.Command {
				return c.Suite
			}
		}
	}
	return ""
}
