package sealfile

import (
	"slices"

	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/trial"
)

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
			out = append(out, Need{Relaxation: p.Relaxation, Suite: p.Suite})
		}
	}
	for _, m := range merged {
		out = append(out, m.needs(out)...)
	}
	return out
}

// needs returns the needs that a merged seal proves, without those that are known.
func (e Entry) needs(known []Need) []Need {
	var out []Need
	for _, r := range e.Profile.Relaxations() {
		if slices.ContainsFunc(known, func(n Need) bool { return n.Relaxation == r.ID }) {
			continue
		}
		out = append(out, e.need(r.ID))
	}
	return out
}

// need returns the need of one relaxation of a merged seal. One that it merged itself keeps its first proof.
func (e Entry) need(id string) Need {
	if i := slices.IndexFunc(e.Needs, func(n Need) bool { return n.Relaxation == id }); i >= 0 {
		n := e.Needs[i]
		if n.Proved == "" {
			n.Proved = e.Source()
		}
		return n
	}
	n := Need{Relaxation: id, Proved: e.Source()}
	if suites := e.Commands.suites(); len(suites) == 1 {
		n.Suite = suites[0]
	}
	return n
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
