package report

import (
	"fmt"
	"strings"

	"github.com/podseal/podseal/internal/seal"
)

// maxWays is how many ways out a reader is shown; the JSON report has them all.
const maxWays = 3

// Advice is the way out for an image that declares root.
type Advice struct {
	Model string `json:"model"`
	Why   string `json:"why"`
	Ways  []Way  `json:"ways"`
}

// Way is one way to a container that is not root, with what it costs.
type Way struct {
	Kind    string `json:"kind"`
	Says    string `json:"says"`
	Cost    string `json:"cost"`
	Done    bool   `json:"done,omitempty"`
	Image   string `json:"image,omitempty"`
	Snippet string `json:"snippet,omitempty"`
}

// newAdvice returns the advice on an image that declares root. Where the sealed manifest names the user, that way is marked as
// done.
func newAdvice(res seal.Result) *Advice {
	if res.Advice == nil {
		return nil
	}
	a := &Advice{Model: res.Advice.Model, Why: res.Advice.Why}
	done := (res.Verdict == seal.Sealed || res.Verdict == seal.SealedWithExceptions || res.Verdict == seal.Planned) && res.Profile.User.UID > 0
	a.Ways = each(res.Advice.Ways, func(w seal.Way) Way {
		out := Way{Kind: w.Kind, Says: w.Says, Cost: w.Cost, Image: w.Image, Snippet: w.Snippet}
		u := res.Profile.User
		switch {
		case w.Kind == "pin" && done:
			out.Done = true
			out.Says = fmt.Sprintf("pin uid %d in the manifest: the sealed manifest does", u.UID)
			out.Cost, out.Snippet = "check the uid again when the tag changes", ""
		case w.Kind == "dockerfile" && done:
			out.Snippet = fmt.Sprintf("USER %d:%d\n", u.UID, u.GID) // what was proved
		}
		return out
	})
	return a
}

func (p reader) advice(r Report) {
	if r.Advice == nil {
		return
	}
	p.title("The image declares root: ways out")
	p.labelled(2, 4, bold, clean(r.Advice.Model), plain, ": "+clean(r.Advice.Why))
	for i, w := range r.Advice.Ways[:min(maxWays, len(r.Advice.Ways))] {
		p.labelled(2, 5, plain, fmt.Sprintf("%d. ", i+1), plain, clean(wayLine(w)))
		p.text(5, dim, "cost: "+clean(w.Cost))
	}
	p.more(r)
}

func (p reader) more(r Report) {
	if n := len(r.Advice.Ways) - maxWays; n > 0 {
		p.line(fmt.Sprintf("  and %d more: podseal advise shows them", n))
	}
}

// wayLine returns the way with its line of a Dockerfile, where it is one.
func wayLine(w Way) string {
	if snippet := strings.TrimSpace(w.Snippet); w.Kind == "dockerfile" && snippet != "" && !strings.Contains(snippet, "\n") {
		return w.Says + ": " + snippet
	}
	return w.Says
}

func mdAdvice(b *strings.Builder, r Report) {
	if r.Advice == nil {
		return
	}
	fmt.Fprintf(b, "\n**The image declares root: ways out**\n\n%s: %s\n\n", code(r.Advice.Model), prose(r.Advice.Why))
	for i, w := range r.Advice.Ways[:min(maxWays, len(r.Advice.Ways))] {
		fmt.Fprintf(b, "%d. %s. Cost: %s\n", i+1, prose(wayLine(w)), prose(w.Cost))
	}
}
