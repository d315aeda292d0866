package sealfile

import (
	"slices"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
)

// maxFresh bounds the new writes that are returned.
const maxFresh = 50

// NewWrites returns what a later result shows to be written, or to be refused, and the seal does not know, sorted by path. A path
// in a folder that the seal makes writable is known. Of a result with a tracer and a seal without one, only what docker diff
// shows is compared.
func (s Seal) NewWrites(res seal.Result) []diff.Evidence {
	c := newCleaner(res)
	var out []diff.Evidence
	add := func(e diff.Evidence) {
		at := c.evidencePath(e)
		known := func(have diff.Evidence) bool { return c.evidencePath(have) == at }
		if e.Noise == "" && (s.Traced || e.Kind != "") && !s.knows(at, e.Path) && !slices.ContainsFunc(out, known) {
			out = append(out, e)
		}
	}
	for _, choice := range res.Choices {
		if choice.Decision == seal.Noise {
			continue
		}
		for _, e := range choice.Evidence {
			add(e)
		}
	}
	shown, _ := res.Traced()
	for _, e := range diff.Collect(shown.Observation).Denied() {
		add(e)
	}
	return out[:min(len(out), maxFresh)]
}

// knows reports whether a path was written or refused when the seal was made, or lies in a folder that the seal makes writable.
func (s Seal) knows(stable, at string) bool {
	if _, writable := s.Profile.Covering(at); writable {
		return true
	}
	for _, w := range s.Writes {
		if w.Path == stable || w.Decision != ReadOnly && profile.Within(at, w.Path) {
			return true
		}
	}
	return slices.ContainsFunc(s.Denied, func(d Denial) bool { return d.Path == stable })
}

// NewPorts returns the TCP ports that the proving run of a later result listened on, and that of the seal did not.
func (s Seal) NewPorts(res seal.Result) []int {
	proved, ok := res.Proved()
	if !ok {
		return nil
	}
	return slices.DeleteFunc(slices.Sorted(slices.Values(proved.Observation.Listening)), func(p int) bool { return slices.Contains(s.Ports, p) })
}

// Phase words the phase of a write for a sentence.
func Phase(p observe.Phase) string {
	switch p {
	case observe.E2E:
		return "while the e2e commands ran"
	case observe.Stop:
		return "when it was stopped"
	case observe.Restart:
		return "after a restart"
	}
	return "at its start"
}
