package loss

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
)

// missingProcesses returns the programs that ran in the open run alone.
func missingProcesses(open, sealed []observe.Process) []Loss {
	var out []Loss
	for _, p := range open {
		same := func(q observe.Process) bool { return q.Command == p.Command }
		known := func(l Loss) bool { return l.What == p.Command }
		if !slices.ContainsFunc(sealed, same) && !slices.ContainsFunc(out, known) {
			out = append(out, Loss{NoProcess, p.Command, fmt.Sprintf("ran in the open run as uid %d", p.UID)})
		}
	}
	slices.SortFunc(out, func(a, b Loss) int { return cmp.Compare(a.What, b.What) })
	return out[:min(len(out), maxLosses)]
}

// firstEphemeral is the lowest port that Linux gives to a socket that asks for any: net.ipv4.ip_local_port_range.
const firstEphemeral = 32768

// missingPorts returns the ports of the open run that nothing listened on in the sealed run. An ephemeral port is another one
// in each run, so one of the sealed run alone makes up for one.
func missingPorts(open, sealed []int) []Loss {
	others := 0
	for _, p := range sealed {
		if p >= firstEphemeral && !slices.Contains(open, p) {
			others++
		}
	}
	var out []Loss
	for _, p := range open {
		switch {
		case slices.Contains(sealed, p):
		case p >= firstEphemeral && others > 0:
			others--
		default:
			out = append(out, Loss{NoPort, fmt.Sprint(p), "something listened on it in the open run"})
		}
	}
	return out
}

// newErrors returns the lines of the sealed run that report an error, and that the open run did not log. A line that names
// a path among the losses is left out, and one that reports a harmless refusal. Between the restart and the stop, lines count only
// if they quote a refusal: the open run had no restart.
func newErrors(open string, sealed observe.Observation, losses []Loss, harmless diff.List) []Loss {
	known := map[string]bool{}
	for l := range strings.Lines(open) {
		known[observe.LineTemplate(l)] = true
	}
	at := 0
	var out []Loss
	for l := range strings.Lines(sealed.Logs) {
		at += len(l)
		l = strings.TrimSpace(l)
		t, anyHost := observe.LineTemplate(l), diff.OnAnyHost(l, sealed.Hostname)
		refusals := plan.ReadRefusals(anyHost, "")
		counts := len(refusals) > 0 || observe.ReportsError(l) && !restarting(sealed, at)
		if known[t] || !counts {
			continue
		}
		known[t] = true
		if !aboutLoss(anyHost, losses) && !aboutAny(refusals, harmless) {
			out = append(out, Loss{NewError, l, "logged by the sealed run alone"})
		}
	}
	return out[:min(len(out), maxLosses)]
}

// restarting reports whether a place in the logs of a run is after the restart and before the stop.
func restarting(run observe.Observation, at int) bool {
	restart, restarted := run.LogStart[observe.Restart]
	stop, stopped := run.LogStart[observe.Stop]
	return restarted && at > restart && (!stopped || at <= stop)
}

// aboutLoss reports whether a line names a path among the losses.
func aboutLoss(line string, losses []Loss) bool {
	return slices.ContainsFunc(losses, func(l Loss) bool { return path.IsAbs(l.What) && strings.Contains(line, l.What) })
}

// aboutAny reports whether one of the refusals in a line is among some traced ones.
func aboutAny(refusals []plan.Refused, traced diff.List) bool {
	return slices.ContainsFunc(refusals, func(r plan.Refused) bool {
		return slices.ContainsFunc(traced, func(e diff.Evidence) bool { return sameRefusal(r, e) })
	})
}

// sameRefusal reports whether a line and the tracer show the same refusal. The line may name the path by a link to one of its
// parents.
func sameRefusal(r plan.Refused, e diff.Evidence) bool {
	same := r.Path == e.Path || e.Path != "/" && strings.HasSuffix(r.Path, e.Path) || plan.Alike(r.Path, e.Path)
	return same && r.Errno == e.Errno
}
