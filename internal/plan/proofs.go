package plan

import (
	"regexp"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
)

// ProofEvidence returns the evidence, in a few words, that a run under the narrower profile failed because of a setting that
// only the wider one has: for example a refused write below a missing mount. It returns "" if the run has no such evidence.
func ProofEvidence(o observe.Observation, wider, narrower profile.Profile) string {
	list, lines := evidence(o, "")
	if wider.LowPorts && !narrower.LowPorts {
		for _, l := range lines {
			if l.Bind && l.Errno == "EACCES" {
				return l.Line
			}
		}
	}
	if wider.Ping && !narrower.Ping {
		if line := refusedPing(said(o.Logs, o.Commands), lines); line != "" {
			return line
		}
	}
	if said := lackedMount(o, list, wider, narrower); said != "" {
		return said
	}
	if len(list) == 0 && len(lines) > 0 {
		return lines[0].Line
	}
	for _, e := range list {
		if e.Source == diff.FromLogs {
			return e.String()
		}
	}
	return ""
}

// lackedMount returns the evidence that a run needed a mount of the wider profile that the narrower one lacks: a refused write,
// or a missing path in the logs. It returns "" if there is none.
func lackedMount(o observe.Observation, denied diff.List, wider, narrower profile.Profile) string {
	lacks := func(at string) bool {
		m, had := wider.Covering(at)
		_, has := narrower.Mount(m.Path)
		return had && !has
	}
	for _, e := range denied {
		if lacks(e.Path) {
			return e.String()
		}
	}
	for l := range strings.Lines(o.LogsIn(o.Failure.Phase)) {
		if missingPath.MatchString(l) && slices.ContainsFunc(absolutePaths(l), lacks) {
			return strings.TrimSpace(l)
		}
	}
	return ""
}

// missingPath matches the words for a missing file or folder.
var missingPath = regexp.MustCompile(`(?i)no such file|\bENOENT\b|does not exist|not found`)

// Explained reports whether a failed run shows a cause of its failure: a refusal in the phase that failed, unless the open run
// survived the same. EXDEV and EBUSY, which only mounts cause, count as refusals. A failure without a cause may be a
// disturbance.
func Explained(in Input, o observe.Observation) bool {
	if o.Failure.Kind == observe.SeedFailed || len(o.DeniedPorts) > 0 || o.Exit != nil && o.Exit.Error != "" {
		return true
	}
	f := failures(in, Plan{}, profile.Profile{}, o)[0]
	counts := func(e diff.Evidence) bool { return e.Noise == "" }
	ofMounts := func(w observe.Write) bool {
		return w.Phase == o.Failure.Phase && (w.Errno == "EXDEV" || w.Errno == "EBUSY")
	}
	complains := func(line string) bool { return !strings.Contains(in.Open.Logs, line) }
	misses := func(line string) bool {
		return missingPath.MatchString(line) && len(absolutePaths(line)) > 0 && complains(line)
	}
	for l := range strings.Lines(f.logs) {
		if misses(strings.TrimSpace(l)) {
			return true
		}
	}
	return slices.ContainsFunc(f.denied, counts) || slices.ContainsFunc(ownershipLines(f), complains) || len(f.refused) > 0 ||
		slices.ContainsFunc(o.Writes, ofMounts) || crossed.MatchString(f.logs) || busy.MatchString(f.logs)
}
