package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/loss"
)

// Loss is one thing that the open run did and the sealed run did not do, although the sealed run passed.
type Loss struct {
	Kind   string `json:"kind"`
	What   string `json:"what"`
	Detail string `json:"detail"`
}

// lossKinds are the kinds of losses in reading order, with their names for a reader.
var lossKinds = []struct {
	kind loss.Kind
	name string
}{
	{loss.Refused, "refused"},
	{loss.NotAttempted, "not attempted"},
	{loss.NoProcess, "process did not run"},
	{loss.NoPort, "port not open"},
	{loss.NewError, "error in the log"},
}

// newLosses converts losses and sorts them by kind. Within a kind their order is kept: files of the image come first.
func newLosses(list []loss.Loss) []Loss {
	out := each(list, func(l loss.Loss) Loss { return Loss{string(l.Kind), l.What, l.Detail} })
	rank := func(l Loss) int {
		for i, k := range lossKinds {
			if string(k.kind) == l.Kind {
				return i
			}
		}
		return len(lossKinds)
	}
	slices.SortStableFunc(out, func(a, b Loss) int { return rank(a) - rank(b) })
	return out
}

// lossName returns the name of a kind of losses for a reader.
func lossName(kind string) string {
	for _, k := range lossKinds {
		if string(k.kind) == kind {
			return k.name
		}
	}
	return kind
}

// degraded returns the swallowed writes that are not among the losses.
func (r Report) degraded() []Evidence {
	return slices.DeleteFunc(slices.Clone(r.Swallowed), func(e Evidence) bool {
		return slices.ContainsFunc(r.Losses, func(l Loss) bool { return l.Kind == string(loss.Refused) && l.What == e.Path })
	})
}

func (p reader) losses(r Report) {
	if len(r.Losses) == 0 {
		return
	}
	p.title("Lost against the open run")
	for _, l := range r.Losses {
		p.labelled(2, 6, plain, "", plain, clean(lossLine(l)))
	}
}

// lossLine returns one loss as a sentence.
func lossLine(l Loss) string {
	s := lossName(l.Kind) + ": " + l.What
	switch {
	case strings.Contains(l.Detail, l.What):
		return lossName(l.Kind) + ": " + l.Detail
	case l.Detail != "":
		s += ": " + l.Detail
	}
	return s
}

// shortLosses returns the losses in a few words: "refused: /run/x; 2 not attempted: /etc/a, /etc/b".
func shortLosses(list []Loss) string {
	var parts []string
	for _, k := range lossKinds {
		var names []string
		for _, l := range list {
			if l.Kind == string(k.kind) {
				names = append(names, clean(l.What))
			}
		}
		if len(names) == 0 {
			continue
		}
		s := k.name + ": " + some(names, 2, ", ")
		if len(names) > 1 {
			s = fmt.Sprintf("%d ", len(names)) + s
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, "; ")
}

func mdLosses(b *strings.Builder, r Report) {
	if len(r.Losses) == 0 {
		return
	}
	b.WriteString("\n**Lost against the open run**\n\n")
	for _, l := range r.Losses {
		fmt.Fprintf(b, "- %s\n", prose(lossLine(l)))
	}
}
