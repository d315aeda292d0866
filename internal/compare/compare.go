// Package compare compares what two images did under the same e2e commands: their writes, users, ports, exits and profiles.
package compare

import (
	"cmp"
	"slices"

	"github.com/podseal/podseal/internal/seal"
)

// Schema names the version of the JSON form. A field keeps its name and its meaning; new fields may come.
const Schema = "podseal.compare/v1"

// Area is what a difference is about.
type Area string

// The areas, in the order of their importance.
const (
	Verdict   Area = "verdict"
	User      Area = "user"      // of the profile
	Exception Area = "exception" // of the seal
	Profile   Area = "profile"   // a mount or another setting that the profile needs
	Loss      Area = "loss"      // what the sealed run did not do
	Port      Area = "port"      // that a process listened on
	Process   Area = "process"   // the users of processes
	Exit      Area = "exit"      // how the container ended
	Write     Area = "write"     // one path that was written
)

// areas are all areas in the order of their importance.
var areas = []Area{Verdict, User, Exception, Profile, Loss, Port, Process, Exit, Write}

// Comparison is the result for two images.
type Comparison struct {
	Schema string `json:"schema"`
	A      Image  `json:"a"` // usually the image in use
	B      Image  `json:"b"` // usually the new one
	// NeedsMore is set if the second image is not sealed where the first is, or needs what the first does not need: another
	// user, a mount or setting, an exception; or loses what the first does not lose.
	NeedsMore   bool         `json:"needsMore"`
	Differences []Difference `json:"differences"` // in the order of their importance; never null
}

// Image is one of the images.
type Image struct {
	Reference string `json:"reference"`
	ID        string `json:"id"`
	Digest    string `json:"digest,omitempty"`
	Verdict   string `json:"verdict"`
}

// Difference is one fact that differs. A is empty where only the second image shows it, B where only the first does.
type Difference struct {
	Area    Area   `json:"area"`
	Subject string `json:"subject,omitempty"`
	A       string `json:"a,omitempty"`
	B       string `json:"b,omitempty"`

	mount string // see fact
}

// Of compares the results of two images.
func Of(a, b seal.Result) Comparison {
	c := Comparison{Schema: Schema, A: imageOf(a), B: imageOf(b), Differences: []Difference{}}
	all := join(facts(a), facts(b))
	for _, d := range all {
		if d.A == d.B || d.A != "" && d.B != "" && !d.Area.valued() || d.partOfMount(all) {
			continue
		}
		c.Differences = append(c.Differences, d)
		c.NeedsMore = c.NeedsMore || d.more()
	}
	return c
}

// partOfMount reports whether a difference is a step of a mount that only the same image has: the mount's own difference says it.
func (d Difference) partOfMount(all []Difference) bool {
	onlyA, onlyB := d.B == "", d.A == ""
	return d.mount != "" && slices.ContainsFunc(all, func(m Difference) bool {
		return m.Area == d.Area && m.Subject == d.mount && (onlyA && m.B == "" || onlyB && m.A == "")
	})
}

// Testable reports whether the e2e commands pass on both images as they are. Otherwise their facts cannot be compared.
func (c Comparison) Testable() bool {
	return c.A.Verdict != string(seal.NotTestable) && c.B.Verdict != string(seal.NotTestable)
}

func imageOf(res seal.Result) Image {
	return Image{res.Target.Image, res.Image.ID, res.Image.Digest, string(res.Verdict)}
}

// valued reports whether the value of a fact counts. In the other areas only the fact itself does: its value is an
// explanation, whose words may differ.
func (a Area) valued() bool { return a == Verdict || a == User || a == Exit || a == Write }

// more reports whether a difference is a need of the second image alone.
func (d Difference) more() bool {
	switch d.Area {
	case Verdict:
		return rank(d.B) > rank(d.A)
	case User:
		return true
	case Profile, Exception, Loss:
		return d.A == ""
	}
	return false
}

// rank orders verdicts from the best to the worst.
func rank(verdict string) int {
	switch seal.Verdict(verdict) {
	case seal.Sealed:
		return 0
	case seal.SealedWithExceptions:
		return 1
	case seal.NotSealable:
		return 2
	}
	return 3
}

// join returns the facts of both images, each subject once, in the order of the areas.
func join(a, b []fact) []Difference {
	var out []Difference
	at := func(f fact) *Difference {
		i := slices.IndexFunc(out, func(d Difference) bool { return d.Area == f.area && d.Subject == f.subject })
		if i < 0 {
			i = len(out)
			out = append(out, Difference{Area: f.area, Subject: f.subject, mount: f.mount})
		}
		return &out[i]
	}
	for _, f := range a {
		at(f).A = f.value
	}
	for _, f := range b {
		at(f).B = f.value
	}
	slices.SortStableFunc(out, func(x, y Difference) int {
		return cmp.Or(slices.Index(areas, x.Area)-slices.Index(areas, y.Area), cmp.Compare(x.Subject, y.Subject))
	})
	return out
}
