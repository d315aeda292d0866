package report

import (
	"fmt"

	"github.com/podseal/podseal/internal/seal"
)

const under = 6 // the indent of a reason under its row

// choices writes the table of written paths. Where there is no room for a column of reasons, they stand under their rows.
func (p reader) choices(r Report) {
	if r.Profile == nil {
		return
	}
	rows := r.Choices
	p.title("Written paths")
	if len(rows) == 0 {
		p.line("  none that counts: the application needs no writable folder")
	} else {
		t := p.columns(rows)
		p.line(p.paint(dim, t.row("PATH", "CHANGE", "PHASE", "DECISION", "REASON")))
		for _, c := range rows {
			p.choice(t, c)
		}
	}
}

// quiet returns the rows without the noise, and how many that leaves out.
func quiet(all []Choice) (rows []Choice, noise int) {
	for _, c := range all {
		if c.Kind == seal.Noise {
			noise++
		} else {
			rows = append(rows, c)
		}
	}
	return rows, noise
}

// table holds the widths of the columns before the reason.
type table struct {
	path, change, phase, decision int
	reason                        int // 0 where the reasons go under the rows
}

func (p reader) columns(rows []Choice) table {
	t := table{path: len("PATH"), change: len("CHANGE"), phase: len("PHASE"), decision: len("DECISION")}
	for _, c := range rows {
		t.path = max(t.path, width(clean(c.Path)))
		t.phase = max(t.phase, width(c.Phase))
		t.decision = max(t.decision, width(clean(c.Decision)))
	}
	fixed := t.change + t.phase + t.decision + 2 + 4*2
	if room := p.width - fixed - t.path; room >= columnWidth {
		t.reason = room
	}
	t.path = max(min(t.path, p.width-fixed), len("PATH"))
	return t
}

// row returns one row of the table. A path that does not fit pushes the columns after it, and is never cut: readers copy it.
func (t table) row(path, change, phase, decision, reason string) string {
	s := "  " + pad(path, t.path) + "  " + pad(change, t.change) + "  " + pad(phase, t.phase) + "  "
	if t.reason == 0 {
		return s + decision
	}
	return s + pad(decision, t.decision) + "  " + reason
}

// choice writes one row: the reason, who wrote, and the proof.
func (p reader) choice(t table, c Choice) {
	row := func(reason string) string {
		return t.row(clean(c.Path), orDash(c.Changes), orDash(c.Phase), clean(c.Decision), reason)
	}
	indent := under
	if t.reason > 0 {
		indent = p.width - t.reason
	} else {
		p.line(row(""))
	}
	for i, l := range p.reasons(c, p.width-indent) {
		if i == 0 && t.reason > 0 {
			p.line(row(l))
		} else {
			p.line(pad("", indent) + l)
		}
	}
}

// reasons returns the lines of a row's last column.
func (p reader) reasons(c Choice, room int) []string {
	lines := wrap(clean(c.Reason), room, room)
	add := func(s string) {
		if s == "" {
			return
		}
		for _, l := range wrap(s, room, room) {
			lines = append(lines, p.paint(dim, l))
		}
	}
	add(wrote(c))
	add(clean(c.Proof))
	for _, e := range c.Evidence[:min(len(c.Evidence), maxEvidence)] {
		add("- " + sentence(e))
	}
	if more := len(c.Evidence) - maxEvidence; more > 0 {
		add(fmt.Sprintf("- and %d more, all in the JSON report", more))
	}
	return lines
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
