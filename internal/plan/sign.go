package plan

import (
	"context"
	"slices"

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

// Chance tells whether a run may have failed by chance: the application was ready, an e2e command failed, and nothing
// was refused that the open run was not, neither in the trace nor in anybody's words. What only a mount refuses (EXDEV,
// EBUSY) counts, too. With late, what a complete trace shows as refused before the commands ran does not count: the
// application became ready in spite of it.
func Chance(open, o observe.Observation, late bool) bool {
	crashed := o.Exit != nil && o.Exit.Phase != observe.Stop
	if o.FailedIn != observe.E2E || crashed || len(o.DeniedPorts) > 0 {
		return false
	}
	if late = late && o.Trace.On && o.Trace.Lost == 0; late {
		o.Logs = "" // they do not tell when; the trace does
		o.Writes = slices.DeleteFunc(slices.Clone(o.Writes), func(w observe.Write) bool { return w.Phase == observe.Start })
	}
	list, lines := evidence(o, "")
	list, lines = sinceOpen(open, "", list, lines)
	counts := func(e diff.Evidence) bool { return e.Noise == "" }
	ofMounts := func(w observe.Write) bool { return w.Errno == "EXDEV" || w.Errno == "EBUSY" }
	return !slices.ContainsFunc(list, counts) && len(lines) == 0 &&
		!slices.ContainsFunc(o.Writes, ofMounts) && !crossed.MatchString(o.Logs) && !busy.MatchString(o.Logs)
}
