package verify

import (
	"cmp"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
)

// most bounds how many differences of one source are listed.
const most = 10

// differences returns the facts of a failed run, the failure itself first, paths that were denied, events, and the
// last line of the application.
func differences(f observe.Failure, o observe.Observation, events []string) []Difference {
	out := []Difference{{Source: sourceOf(f), Subject: subjectOf(f, o), Text: f.Text}}
	out = append(out, denied(o)...)
	for _, e := range events[max(0, len(events)-most):] {
		reason, _, _ := strings.Cut(e, ":")
		out = append(out, Difference{Source: Event, Subject: reason, Text: e})
	}
	if line := lastLine(o.Logs); line != "" && !slices.ContainsFunc(out, func(d Difference) bool { return d.Text == line }) {
		out = append(out, Difference{Source: Log, Text: line})
	}
	return out
}

func sourceOf(f observe.Failure) Source {
	switch f.Kind {
	case observe.CommandFailed, observe.CommandTimeout:
		return Command
	case observe.SeedFailed:
		return Denied
	case observe.PodFailed:
		if strings.Contains(f.Text, "ConfigError") { // the kubelet's reason for settings that it refuses
			return Setting
		}
	}
	return State
}

// subjectOf returns the path of a failed seed, or the command that failed.
func subjectOf(f observe.Failure, o observe.Observation) string {
	if f.Path != "" {
		return f.Path
	}
	for _, c := range o.Commands {
		if sourceOf(f) == Command && c.Code != 0 {
			return c.Command
		}
	}
	return ""
}

// denied returns the refusals that the logs and the outputs of failed commands report, each path once.
func denied(o observe.Observation) []Difference {
	lines := plan.ReadRefusals(o.Logs, "")
	for _, c := range o.Commands {
		if c.Code != 0 {
			lines = append(lines, plan.ReadRefusals(c.Output, "")...)
		}
	}
	var out []Difference
	for _, l := range lines {
		d := Difference{Source: Denied, Subject: l.Path, Text: l.Line}
		same := func(x Difference) bool { return cmp.Or(x.Subject, x.Text) == cmp.Or(d.Subject, d.Text) }
		if !slices.ContainsFunc(out, same) && len(out) < most {
			out = append(out, d)
		}
	}
	return out
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
