package verify

import (
	"fmt"
	"io"
	"strings"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/safetext"
)

// WriteText writes a result for people.
func WriteText(w io.Writer, r Result) error {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintln(&b, safetext.Line(fmt.Sprintf(format, args...))) }
	line("%s on %s: %s", r.Workload, r.Cluster, sentence(r))
	for _, d := range r.Differences {
		text := d.Text
		if d.Subject != "" && !strings.Contains(text, d.Subject) {
			text = d.Subject + ": " + text
		}
		line("  %-12s %s", d.Source, text)
	}
	if r.Verdict != Refused {
		commands(line, r.Commands)
	}
	for _, n := range r.Notes {
		line("  note         %s", n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// sentence says the verdict.
func sentence(r Result) string {
	switch r.Verdict {
	case Agreed:
		text := "agreed: it passes there as it passed under Docker"
		if r.Restarted {
			text += ", also after a restart of its container over the same volumes"
		}
		return text + fmt.Sprintf(" (ready after %.1f s)", r.ReadySecond)
	case Differs:
		return "NOT agreed: it passed under Docker and fails there: " + r.Failure
	case Refused:
		return "refused: the cluster does not admit it"
	case Undecided:
	}
	return "not decided: " + r.Failure
}

func commands(line func(string, ...any), list []observe.CommandResult) {
	for _, c := range list {
		if c.Code == 0 {
			line("  passed       `%s` (%s, %.1f s)", c.Command, c.Phase, c.Took.Seconds())
		} else {
			line("  failed       `%s` exited %d (%s, %.1f s)", c.Command, c.Code, c.Phase, c.Took.Seconds())
		}
	}
}
