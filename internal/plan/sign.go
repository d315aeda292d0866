package plan

import (
	"context"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
)

// Sign is the evidence, in a few words, that a run failed for what its profile lacks of a wider one: a refused write
// below a mount that it lacks. Empty when nothing in the run says so.
func Sign(o observe.Observation, wider, narrower profile.Profile) string {
	list, lines := evidence(o, "")
	if wider.LowPorts && !narrower.LowPorts {
		for _, l := range lines {
			if l.Bind && l.Errno == "EACCES" {
				return l.Line
			}
		}
	}
	if wider.Ping && !narrower.Ping {
		if r, err := repairPing(context.Background(), failure{cur: narrower, run: o, refused: lines}); err == nil && len(r.Blames) > 0 {
			return r.Blames[0].Evidence
		}
	}
	for _, e := range list {
		m, had := wider.Covering(e.Path)
		if _, has := narrower.Mount(m.Path); had && !has {
			return e.String()
		}
	}
	if len(list) == 0 && len(lines) > 0 {
		return lines[len(lines)-1].Line
	}
	for _, e := range list {
		if e.Source == diff.FromLogs {
			return e.String()
		}
	}
	return ""
}
