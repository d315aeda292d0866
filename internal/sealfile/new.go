package sealfile

import (
	"slices"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/loss"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/seal"
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
	c := newCleaner(res)
	shown, _ := res.Traced()
	s := Seal{
		Version: Version, Target: o.Target, Container: res.Target.Name, Verdict: string(res.Verdict),
		Image:    Image{Reference: res.Seal.Image.Reference, Digest: bareDigest(res.Seal.Image.Digest), ID: res.Seal.Image.ID, Platform: res.Seal.Image.Platform},
		Commands: NewCommands(res.Target, o.Read),
		Profile:  res.Profile, Traced: shown.Observation.Trace.On, Restart: res.Seal.Restart, Manifest: o.Manifest,
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
		s.Merged = append(s.Merged, Merged{m.Source(), m.Commands.Hash})
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
func (c cleaner) losses(in []loss.Loss) []Loss {
	var out []Loss
	for _, l := range in {
		what := c.text(l.What)
		if l.Kind == loss.NewError {
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
