package loss

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

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
// a path among the losses is left out, and one after the restart that quotes no refusal: the open run had no restart.
func newErrors(open string, sealed observe.Observation, losses []Loss) []Loss {
	known := map[string]bool{}
	for l := range strings.Lines(open) {
		known[observe.LineTemplate(l)] = true
	}
	restart, restarted := sealed.LogStart[observe.Restart]
	at := 0
	var out []Loss
	for l := range strings.Lines(sealed.Logs) {
		at += len(l)
		l = strings.TrimSpace(l)
		tells := observe.ReportsError(l) && !(restarted && at > restart) || len(plan.ReadRefusals(l, "")) > 0
		named := func(x Loss) bool { return path.IsAbs(x.What) && strings.Contains(l, x.What) }
		if t := observe.LineTemplate(l); !known[t] && tells {
			known[t] = true
			if !slices.ContainsFunc(losses, named) {
				out = append(out, Loss{NewError, l, "logged by the sealed run alone"})
			}
		}
	}
	return out[:min(len(out), maxLosses)]
}
