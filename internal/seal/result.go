package seal

import (
	"slices"
	"time"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/loss"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

// Verdict is the result for a target.
type Verdict string

// The four verdicts, and the one for a plan that nothing proved.
const (
	Sealed               Verdict = "sealed"
	SealedWithExceptions Verdict = "sealed with exceptions"
	NotSealable          Verdict = "not sealable"
	NotTestable          Verdict = "not testable"
	Planned              Verdict = "planned, not proved"
)

// Round is one recorded trial with its result.
type Round struct {
	Name        string              `json:"name"` // "open run", "sealed run 1", "without mount /run"
	Profile     profile.Profile     `json:"profile"`
	Protocol    trial.Protocol      `json:"protocol"`
	Outcome     trial.Outcome       `json:"outcome"`
	Cause       trial.Cause         `json:"cause,omitempty"` // of an inconclusive round
	Observation observe.Observation `json:"observation"`
	Rule        string              `json:"rule,omitempty"`   // that made the next proposal from this failed round
	Blames      []plan.Blame        `json:"blames,omitempty"` // the settings that the next round widens
	Began       time.Duration       `json:"began,omitempty"`  // since the search began
	Took        time.Duration       `json:"took"`

	place    int  // in the order of starts
	sealed   bool // it is one of the numbered sealed runs
	repeated bool // a repetition replaced it, so it does not count
	// reproduced is set where its failure was seen more than once.
	reproduced bool
	// unproved is set where a failure counted before it was seen as often as a proof takes.
	unproved bool
	// pendingChanges is set where docker diff is asked for after the run.
	pendingChanges bool
}

// Passed reports whether the trial passed.
func (r Round) Passed() bool { return r.Outcome == trial.Passed }

// Exception is a setting that falls short of a seal.
type Exception struct {
	Setting string `json:"setting"` // in Kubernetes words; what --allow takes
	Why     string `json:"why"`     // the run that failed without it
	Fix     string `json:"fix"`     // what to change in the image to lose it
}

// Decision says what the profile does about a written folder or path.
type Decision string

// The decisions.
const (
	Mount       Decision = "mount"
	SeededMount Decision = "seeded mount"
	OwnedMount  Decision = "owned mount"
	MemoryMount Decision = "mount in memory"
	PodVolume   Decision = "volume"   // that the pod mounts itself
	InMount     Decision = "in mount" // below a mount that was decided for another folder
	ReadOnly    Decision = "read-only"
	Noise       Decision = "noise" // nothing that a pod needs
)

// Choice says what was decided about one written folder or path.
type Choice struct {
	Path     string          `json:"path"`
	Changes  string          `json:"changes,omitempty"` // the letters of docker diff, "AC"
	Phase    observe.Phase   `json:"phase,omitempty"`   // the first that showed it
	Decision Decision        `json:"decision"`
	Of       string          `json:"of,omitempty"` // the name of the PodVolume, the path of the mount of InMount; else empty
	Reason   string          `json:"reason"`
	Proof    string          `json:"proof,omitempty"`
	Evidence []diff.Evidence `json:"evidence,omitempty"`
}

// Said returns the decision in words: "mount", "volume data", "in mount /srv".
func (c Choice) Said() string {
	if c.Of == "" {
		return string(c.Decision)
	}
	return string(c.Decision) + " " + c.Of
}

// Proof is what a trial showed about one relaxation of the result.
type Proof struct {
	Relaxation string        `json:"relaxation"`      // the ID, see profile.Relaxation
	Outcome    trial.Outcome `json:"outcome"`         // Failed proves the need; Inconclusive leaves it open
	Text       string        `json:"text"`            // one sentence
	Round      string        `json:"round"`           // the name of the trial
	Suite      string        `json:"suite,omitempty"` // of the e2e command that failed without the relaxation
}

// Result is everything that podseal found out about a target. Text, JSON and the manifest are views of it.
type Result struct {
	RunID   string        `json:"runID"`
	Target  target.Target `json:"target"`
	Image   image.Facts   `json:"-"`
	Verdict Verdict       `json:"verdict"`
	Why     string        `json:"why"` // one sentence

	// Seal is the proof of Profile; nil where no confirmation run passed. A profile that needs root has one, although its
	// verdict is NotSealable.
	Seal *Seal `json:"seal,omitempty"`

	Profile    profile.Profile  `json:"profile"`
	User       string           `json:"user,omitempty"` // the account's name
	Reasons    []profile.Reason `json:"reasons,omitempty"`
	Proofs     []Proof          `json:"proofs,omitempty"`
	Exceptions []Exception      `json:"exceptions,omitempty"`
	Choices    []Choice         `json:"choices,omitempty"`
	// Advice is about the image's user; nil where the image does not declare root.
	Advice *Advice `json:"advice,omitempty"`
	// Swallowed are the writes that were denied in the sealed run although it passed, and not in the open run.
	Swallowed []diff.Evidence `json:"swallowed,omitempty"`
	// Losses are what the open run did and the sealed run did not do.
	Losses []loss.Loss `json:"losses,omitempty"`
	// NotExercised says what the runs did not reach. It is never empty: no test reaches everything.
	NotExercised []string `json:"notExercised"`
	Rounds       []Round  `json:"rounds"`
}

// Traced returns the last traced round that passed under the result's profile: it shows what was refused. Where there is
// none, it is the confirmation run.
func (r Result) Traced() (Round, bool) {
	for _, o := range slices.Backward(r.Rounds) {
		if o.Passed() && !o.Profile.Open && o.Observation.Trace.On && o.Profile.Equal(r.Profile) {
			return o, true
		}
	}
	return r.Proved()
}

// Proved returns the confirmation run of the result's profile.
func (r Result) Proved() (Round, bool) {
	if r.Seal == nil {
		return Round{}, false
	}
	for _, o := range slices.Backward(r.Rounds) {
		if o.Passed() && !o.Protocol.Traced && o.Name == r.Seal.Confirmation && o.Profile.Equal(r.Profile) {
			return o, true
		}
	}
	return Round{}, false
}

// Advice is the advice on the user of an image that declares root, from the image's files.
type Advice struct {
	Model string `json:"model"`
	Why   string `json:"why"`
	Ways  []Way  `json:"ways"`
	// Users are the users that the files name: in an entrypoint, or in a setting of the application.
	Users []plan.UserChoice `json:"-"`
}

// Way is one way to an image or a manifest that is not root, with what it costs.
type Way struct {
	Kind    string `json:"kind"`
	Says    string `json:"says"`
	Cost    string `json:"cost"`
	Image   string `json:"image,omitempty"`
	Snippet string `json:"snippet,omitempty"`
}
