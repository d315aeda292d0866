package seal

import (
	"time"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
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

// Round is one run of the container, with what came of it.
type Round struct {
	Name        string              `json:"name"` // "open run", "sealed run 1", "without mount /run"
	Profile     profile.Profile     `json:"profile"`
	Observation observe.Observation `json:"observation"`
	Blames      []plan.Blame        `json:"blames,omitempty"` // what a failed round was blamed on, and the next one widens
	Took        time.Duration       `json:"took"`
}

// Exception is a setting in which the profile falls short of a seal.
type Exception struct {
	Setting string `json:"setting"` // in Kubernetes words; what --allow takes
	Why     string `json:"why"`     // the run that failed without it
	Fix     string `json:"fix"`     // what to change in the image to lose it
}

// Choice says what became of one written folder or path.
type Choice struct {
	Path     string          `json:"path"`
	Changes  string          `json:"changes,omitempty"` // the letters of docker diff, "AC"
	Phase    observe.Phase   `json:"phase,omitempty"`   // the first that showed it
	Decision string          `json:"decision"`          // "mount", "seeded mount", "owned mount", "read-only", "noise"
	Reason   string          `json:"reason"`
	Proof    string          `json:"proof,omitempty"`
	Evidence []diff.Evidence `json:"evidence,omitempty"`
}

// Result is everything that podseal found out about a target. Text, JSON and the manifest are views of it.
type Result struct {
	RunID   string        `json:"runID"`
	Target  target.Target `json:"target"`
	Image   image.Facts   `json:"-"`
	Verdict Verdict       `json:"verdict"`
	Why     string        `json:"why"` // one sentence

	Profile    profile.Profile  `json:"profile"`
	User       string           `json:"user,omitempty"` // the account's name
	Reasons    []profile.Reason `json:"reasons,omitempty"`
	Exceptions []Exception      `json:"exceptions,omitempty"`
	Choices    []Choice         `json:"choices,omitempty"`
	// Advice is about the image's user; nil where the image does not declare root.
	Advice *Advice `json:"advice,omitempty"`
	// Swallowed are the writes that were denied in the last sealed run although it passed: what degrades silently.
	Swallowed []diff.Evidence `json:"swallowed,omitempty"`
	// NotExercised says what the runs did not reach. It is never empty: no test reaches everything.
	NotExercised []string `json:"notExercised"`
	Rounds       []Round  `json:"rounds"`
}

// Proved returns the round in which the result's profile passed.
func (r Result) Proved() (Round, bool) {
	for i := len(r.Rounds) - 1; i >= 0; i-- {
		if o := r.Rounds[i]; o.Observation.Passed() && !o.Profile.Open && o.Profile.Equal(r.Profile) {
			return o, true
		}
	}
	return Round{}, false
}
