package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/trial"
)

// maxLines is how much of an output is reported: its last lines.
const maxLines = 20

// restarts says what the restart of a round checked.
var restarts = map[trial.Restart]string{trial.NoRestart: "none", trial.RestartReady: "readiness", trial.RestartFull: "commands"}

func newRound(o seal.Round) Round {
	obs := o.Observation
	r := Round{
		Name: o.Name, Result: string(o.Outcome), Cause: string(o.Cause), Failure: obs.Failure.Text, FailedIn: string(obs.Failure.Phase), Rule: o.Rule,
		Traced: o.Protocol.Traced, Restart: restarts[o.Protocol.Restart],
		StartSeconds: seconds(o.Began), Seconds: seconds(o.Took), ReadySeconds: seconds(obs.ReadyIn), Profile: newProfile(o.Profile),
		Blames: each(o.Blames, func(b plan.Blame) Blame { return Blame{b.Setting, b.Evidence, b.Strength.String()} }),
		Commands: each(obs.Commands, func(c observe.CommandResult) CommandResult {
			return CommandResult{Command: c.Command, Phase: string(c.Phase), ExitCode: c.Code, Seconds: seconds(c.Took), Output: excerpt(c)}
		}),
		Observation: newObservation(obs),
	}
	if obs.Exit != nil {
		r.Exit = &Exit{Code: obs.Exit.Code, OOMKilled: obs.Exit.OOMKilled, Error: obs.Exit.Error, Phase: string(obs.Exit.Phase)}
	}
	if !obs.Passed() {
		r.Logs, r.DecidingLine = lastLines(obs.Logs), decidingLine(o.Profile.Open, obs)
	}
	return r
}

func newObservation(o observe.Observation) Observation {
	out := Observation{
		Changes: byPath(each(o.Changes, func(c observe.Change) Change {
			return Change{Path: c.Path, Kind: string(c.Kind), Phase: string(c.Phase), Dir: c.Dir}
		}), func(c Change) string { return c.Path }),
		Writes: byPath(each(o.Writes, func(w observe.Write) Write {
			return Write{
				Path: w.Path, To: w.To, Call: w.Call, Phase: string(w.Phase), Outcome: string(w.Outcome), Errno: w.Errno,
				Process: w.Command, PID: w.PID, UID: w.UID, GID: w.GID, Count: max(w.Count, 1),
			}
		}), func(w Write) string { return w.Path }),
		Processes: each(o.Processes, func(p observe.Process) Process {
			return Process{Command: p.Command, UID: p.UID, GID: p.GID, Main: p.Main}
		}),
		Listening: each(o.Listening, same), DeniedPorts: each(o.DeniedPorts, same),
		Usage: byPath(each(o.Usage, func(u observe.Usage) Usage { return Usage(u) }), func(u Usage) string { return u.Path }),
		Trace: traceOf(o.Trace),
	}
	slices.SortStableFunc(out.Processes, func(a, b Process) int {
		return cmp.Or(strings.Compare(a.Command, b.Command), cmp.Compare(a.UID, b.UID), cmp.Compare(a.GID, b.GID))
	})
	return out
}

// decidingLine returns the first line of a failed run's log that is about a refusal, else the first that reports an error, if
// possible of the phase that failed; empty if there is none. An open run is refused nothing on the way to a seal: only the error
// counts.
func decidingLine(open bool, o observe.Observation) string {
	phases := []string{o.LogsIn(o.Failure.Phase), o.Logs}
	if !open {
		for _, logs := range phases {
			if found := plan.ReadRefusals(logs, ""); len(found) > 0 {
				return found[0].Line
			}
		}
	}
	for _, logs := range phases {
		if found := observe.FirstError(logs); found != "" {
			return found
		}
	}
	return ""
}

// cutMark stands in a quoted output for the lines that are left out.
const cutMark = "..."

// excerpt returns the last lines of a command's output. Before those of a failed command stands the first line that reports an
// error, if it is none of them.
func excerpt(c observe.CommandResult) []string {
	lines := lastLines(c.Output)
	if c.Code == 0 {
		return lines
	}
	return withFirst(observe.FirstError(c.Output), lines)
}

// withFirst returns lines with one before them that is not among them.
func withFirst(first string, lines []string) []string {
	if first == "" || slices.ContainsFunc(lines, func(l string) bool { return strings.TrimSpace(l) == first }) {
		return lines
	}
	return append([]string{first, cutMark}, lines...)
}

// lastLines returns the last lines of an output, without the empty ones at its end.
func lastLines(s string) []string {
	s = strings.TrimRight(s, "\r\n")
	if s == "" {
		return []string{}
	}
	lines := strings.Split(s, "\n")
	lines = lines[max(0, len(lines)-maxLines):]
	return each(lines, func(l string) string { return strings.TrimRight(l, "\r") })
}

// traceOf converts a trace. The commands that the tracer did not see are shown without passwords.
func traceOf(t observe.Trace) Trace {
	out := Trace{On: t.On, Note: t.Note, Lost: t.Lost, Broken: t.Broken}
	if len(t.Unseen) > 0 {
		out.Unseen = each(t.Unseen, redact.Command)
	}
	return out
}

// resultTrace returns how far the tracer saw in the open run and in the round that shows the sealed application: the less of
// the two. Its Lost counts the events of all rounds.
func resultTrace(res seal.Result) Trace {
	if len(res.Rounds) == 0 {
		return Trace{}
	}
	shown, ok := res.Traced()
	if !ok {
		shown = res.Rounds[len(res.Rounds)-1]
	}
	if i := slices.IndexFunc(res.Rounds, func(o seal.Round) bool { return o.Profile.Open && o.Passed() }); i >= 0 {
		if t := res.Rounds[i].Observation.Trace; !t.On || t.Broken {
			shown = res.Rounds[i]
		}
	}
	t := traceOf(shown.Observation.Trace)
	t.Lost = 0
	for _, o := range res.Rounds {
		t.Lost += o.Observation.Trace.Lost
	}
	return t
}
