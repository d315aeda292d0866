package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/termtext"
	"github.com/podseal/podseal/internal/trial"
)

// The layout of the summary. It fits a screen of 24 lines for a seal with a few mounts.
const (
	labelColumn   = 14 // where the texts begin
	mountColumn   = 24 // the widest column of mount paths; a longer path pushes its text
	leastText     = 30 // the least room for a text after a path; below, the text follows on the next line
	maxSummarized = 5  // replaced fields and other lists of lines
)

// summary writes the short report: what was decided, why, what it costs, and what to do next.
func (p reader) summary(r Report, opt TextOptions) {
	p.line("")
	p.exceptionEntries(r)
	if r.Profile != nil {
		p.profileEntries(r)
		p.mountEntries(r)
	}
	p.entry("lost", shortLosses(r.Losses), 3)
	p.entry("denied", shortEvidence(r.degraded()), 2)
	p.entry("tried", shortRounds(r.Rounds), 1)
	p.writtenEntries(r, opt)
	if r.Profile != nil {
		p.entry("not exercised", strings.Join(each(r.NotExercised, clean), "; "), 2)
	}
	if t := r.Trace; !t.On || t.Broken || t.Lost > 0 || len(t.Unseen) > 0 {
		p.entry("trace", clean(traceLine(t)), 2)
	}
	p.adviceEntry(r)
	if p.lastWords(r) {
		p.line("")
	}
	p.entry("next", nextStep(r, opt), 2)
}

// entry writes a label and a text of at most a number of lines; an empty text is left out.
func (p reader) entry(label, text string, most int) {
	if text == "" {
		return
	}
	room := p.width - labelColumn
	lines := wrap(text, room, room)
	if len(lines) > most {
		lines = append(lines[:most-1], cut(strings.Join(lines[most-1:], " "), room))
	}
	for i, l := range lines {
		if i == 0 {
			p.line(p.paint(bold, pad(label, labelColumn-1)) + " " + l)
		} else {
			p.line(pad("", labelColumn) + l)
		}
	}
}

func (p reader) exceptionEntries(r Report) {
	for _, e := range r.Exceptions {
		p.entry("exception", clean(e.Setting+": "+e.Why), 8)
		p.entry("", "to lose it: "+clean(e.Fix), 8)
	}
}

// profileEntries writes the user with its reason, a line for each other setting that the application needs, and one for
// those that every seal has.
func (p reader) profileEntries(r Report) {
	common := make([]string, len(commonFields))
	for i, s := range settings(r) {
		switch {
		case i == 0:
			p.entry("user", clean(userValue(*r.Profile))+s.because(), 2)
		case s.mount, s.givenUp:
		case s.common:
			common[slices.Index(commonFields, s.field)] = clean(s.short())
		default:
			text := clean(s.name) + s.because()
			if s.unproved {
				text = clean(s.name) + ": " + clean(s.proof)
			}
			p.entry("setting", text, 2)
		}
	}
	p.entry("also set", strings.Join(slices.DeleteFunc(common, func(s string) bool { return s == "" }), ", "), 3)
}

// mountEntries writes a line for each mount, and one for the written folders without a mount.
func (p reader) mountEntries(r Report) {
	if len(r.Profile.Mounts) == 0 && r.ProvedBy != "" && !r.Profile.WritableRoot {
		p.entry("mounts", "none: the application needs no writable folder", 1)
	}
	column := 0
	for _, m := range r.Profile.Mounts {
		column = max(column, min(width(clean(m.Path)), mountColumn))
	}
	for _, m := range r.Profile.Mounts {
		head, text := "mount "+pad(clean(m.Path), column)+"  ", mountText(r, m)
		indent := width(head)
		if p.width-indent < leastText {
			p.line(p.paint(bold, "mount") + " " + clean(m.Path))
			head, indent = pad("", labelColumn), labelColumn
		} else {
			head = p.paint(bold, "mount") + strings.TrimPrefix(head, "mount")
		}
		p.line(head + cut(text, p.width-indent))
	}
	var without []string
	for _, c := range r.Choices {
		if c.Kind == seal.ReadOnly {
			without = append(without, clean(c.Path))
		}
	}
	if s := some(without, 2, ", "); s != "" && r.ProvedBy != "" && !r.Profile.WritableRoot {
		p.entry("read-only", s+": written in the open run, not needed", 2)
	}
}

// mountText says in a few words why a mount is needed, and what shows it.
func mountText(r Report, m Mount) string {
	var c Choice
	if i := slices.IndexFunc(r.Choices, func(c Choice) bool { return c.Path == m.Path }); i >= 0 {
		c = r.Choices[i]
	}
	why := clean(cmp.Or(some(names(c), 1, ", "), c.Reason))
	proof := clean(c.Proof)
	switch {
	case m.Kind != string(profile.Plain):
		why = m.Kind + ": " + why
	case m.Medium != "":
		why = "in memory: " + why
	}
	switch {
	case openQuestion(r, profile.MountID(m.Path)):
		return proof + "; " + why
	case proof != "":
		return why + "; " + proof
	case r.ProvedBy != "" && m.Path != r.Profile.Env["HOME"] && m.Path != r.Profile.WorkingDir: // else the proof is that of the setting
		return why + "; not tried without it"
	}
	return why
}

// openQuestion reports whether the trial without a relaxation was inconclusive.
func openQuestion(r Report, id string) bool {
	return slices.ContainsFunc(r.Proofs, func(p Proof) bool { return p.Relaxation == id && p.Result == Inconclusive })
}

// shortEvidence counts denied writes and names the first.
func shortEvidence(list []Evidence) string {
	if len(list) == 0 {
		return ""
	}
	return termtext.Count(len(list), "write") + ", and the run passed: " + some(each(list, func(e Evidence) string { return clean(e.Path) }), 2, ", ")
}

// shortRounds counts the rounds by their result.
func shortRounds(list []Round) string {
	var parts []string
	took := 0.0
	for _, result := range []string{Passed, Failed, Inconclusive} {
		n := 0
		for _, o := range list {
			if o.Result == result {
				n++
				took += o.Seconds
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, result))
		}
	}
	if len(list) == 0 {
		return ""
	}
	return fmt.Sprintf("%s, %.1f s in total: %s", termtext.Count(len(list), "run"), took, strings.Join(parts, ", "))
}

// writtenEntries says where the result is, and counts the changes in the manifest. A value of the user that was replaced or
// removed has its own line.
func (p reader) writtenEntries(r Report, opt TextOptions) {
	w := r.Written
	var counts []string
	if opt.Output != "" && w != nil {
		counts = append(counts, clean(opt.Output))
	}
	if w == nil {
		w = &Written{}
	}
	for _, action := range []string{"removed", "replaced", "added", "kept"} {
		var fields []string
		for _, c := range w.Changes {
			if c.Action == action {
				fields = append(fields, clean(c.Field))
			}
		}
		if len(fields) > 0 {
			counts = append(counts, fmt.Sprintf("%d %s (%s)", len(fields), action, some(fields, 1, ", ")))
		}
	}
	p.entry("written", strings.Join(counts, "; "), 2)
	shown := 0
	for _, c := range inReadingOrder(w.Changes) {
		if (c.Action == "replaced" || c.Action == "removed") && shown < maxSummarized {
			p.entry("", clean(c.where()+": "+c.description()), 2)
			shown++
		}
	}
	for _, a := range w.Alongside {
		p.entry("", clean(a.File+": "+a.Kind+", "+a.Why), 2)
	}
	for _, n := range w.Notes {
		p.entry("not in it", clean(n), 2)
	}
}

func (p reader) adviceEntry(r Report) {
	if r.Advice == nil || len(r.Advice.Ways) == 0 {
		return
	}
	p.entry("root image", clean(wayLine(r.Advice.Ways[0])), 2)
}

// repair names the first thing that the open run did not reach.
func repair(rounds []Round) string {
	if len(rounds) > 0 && rounds[len(rounds)-1].FailedIn == string(observe.Start) {
		return "make the application become ready"
	}
	return "make the e2e commands pass"
}

// mayStartTooEarly reports whether the commands passed and failed under the same settings, and nothing but an open port or the
// image's HEALTHCHECK says when they may start.
func mayStartTooEarly(r Report) bool {
	ready := r.Target.Ready
	ready.TimeoutSeconds = 0
	unstable := func(o Round) bool {
		return o.Cause == string(trial.Unstable) && o.FailedIn != string(observe.Start)
	}
	return ready == Ready{} && slices.ContainsFunc(r.Rounds, unstable)
}

// nextStep says what to do with the result, and what shows more.
func nextStep(r Report, opt TextOptions) string {
	var steps []string
	switch {
	case seal.Verdict(r.Verdict) == seal.NotTestable:
		steps = append(steps, repair(r.Rounds)+" without a seal")
	case r.ExitCode == exitcode.NotSealed && len(r.Exceptions) > 0:
		allow := each(r.Exceptions, func(e Exception) string { return "--allow " + clean(e.Setting) })
		steps = append(steps, "nothing was written; "+strings.Join(allow, " ")+" accepts it")
	case r.ExitCode == exitcode.NotSealed:
		steps = append(steps, "nothing was written")
	}
	if r.ExitCode == exitcode.NotSealed && mayStartTooEarly(r) {
		steps = append(steps, "if the commands start too early, give --ready-http or --ready")
	}
	if opt.More != "" {
		steps = append(steps, opt.More+" shows every write, setting and run")
	}
	return strings.Join(steps, "; ")
}
