package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/termtext"
)

// How much a reader gets of lists that have no bound; the JSON report has them whole.
const (
	maxSwallowed = 15 // swallowed writes in Markdown
	maxEvidence  = 40 // writes in one folder
)

// TextOptions say how a report is shown to a reader.
type TextOptions struct {
	Width   int  // columns; 0 means 80
	Color   bool // escape codes for colours
	Verbose bool // everything, rather than a summary: every written path with its evidence, every setting, every run

	// Output is the place of the result: "on stdout". Empty where nothing is written, or the caller does not say it.
	Output string
	// More is the flag that shows the whole report; empty where the command has none.
	More string
}

// Text writes the report for a reader.
func (r Report) Text(w io.Writer, opt TextOptions) error {
	p := reader{newPage(w, opt.Width, opt.Color)}
	p.verdict(r)
	if opt.Verbose {
		p.details(r)
	} else {
		p.summary(r, opt)
	}
	if p.err != nil {
		return fmt.Errorf("writing the report: %w", p.err)
	}
	return nil
}

// details writes the sections of the whole report.
func (p reader) details(r Report) {
	p.exceptions(r)
	p.choices(r)
	p.settings(r)
	p.written(r.Written)
	p.rounds(r)
	p.lastWords(r)
	p.losses(r)
	p.swallowed(r)
	p.trace(r)
	if r.Profile != nil { // else nothing was
		p.list("Not exercised", r.NotExercised)
	}
	p.advice(r)
}

// reader is a page with the sections of a report.
type reader struct{ *page }

func (p reader) verdict(r Report) {
	p.labelled(0, 2, verdictStyle(r), clean(r.Verdict), plain, clean(r.limits()+": "+r.Why))
	p.labelled(0, 2, plain, "", dim, clean(r.subject()))
}

// limits returns what limits the verdict, to be appended to it: that writes were not traced, and losses against the open
// run.
func (r Report) limits() string {
	s := ""
	if r.ProvedBy != "" && (!r.Trace.On || r.Trace.Broken) {
		s += ", untraced"
	}
	if n := len(r.Losses); n > 0 {
		s += ", with " + termtext.Count(n, "loss") + " against the open run"
	}
	return s
}

func verdictStyle(r Report) style {
	switch seal.Verdict(r.Verdict) {
	case seal.Sealed:
		return green
	case seal.SealedWithExceptions, seal.Planned:
		return yellow
	default:
		return red
	}
}

// subject names the container, where it has a name, and its image.
func (r Report) subject() string {
	where := ""
	if r.Target.Container != "" {
		where = "container " + r.Target.Container
		if r.Target.Object != "" {
			where += " of " + r.Target.Object
		}
		where += ": "
	}
	return where + imageLine(r.Image)
}

// imageLine names the image by what pins it: the digest, else the engine's id.
func imageLine(i Image) string {
	s := i.Reference
	if i.Digest != "" {
		s = i.Digest
	} else if id := strings.TrimPrefix(i.ID, "sha256:"); id != "" {
		s += " (id " + cutID(id) + ")"
	}
	if i.Platform != "" {
		s += ", " + i.Platform
	}
	return s
}

func cutID(id string) string { return id[:min(12, len(id))] }

func (p reader) exceptions(r Report) {
	if len(r.Exceptions) == 0 {
		return
	}
	p.title("Exceptions")
	for _, e := range r.Exceptions {
		p.labelled(2, 6, bold, clean(e.Setting), plain, ": "+clean(e.Why))
		p.text(6, plain, "to lose it: "+clean(e.Fix))
	}
}

// settings writes the user and the other settings; the mounts have their rows in the table.
func (p reader) settings(r Report) {
	if r.Profile == nil {
		return
	}
	p.title(settingsTitle(r))
	for _, s := range settings(r) {
		p.labelled(2, 6, bold, clean(s.name), plain, s.because())
		if s.proof != "" {
			p.text(6, dim, clean(s.proof))
		}
	}
}

func settingsTitle(r Report) string {
	switch seal.Verdict(r.Verdict) {
	case seal.NotSealable:
		return "Settings that came closest"
	default:
		return "Settings"
	}
}

// rounds writes what each round was allowed, how it ended, and what its failure is blamed on.
func (p reader) rounds(r Report) {
	if len(r.Rounds) == 0 {
		return
	}
	p.title("What was tried")
	for _, o := range r.Rounds {
		s := green
		switch o.Result {
		case Failed:
			s = red
		case Inconclusive:
			s = yellow
		}
		head := fmt.Sprintf("  %6.1f s  ", o.Seconds)
		what := clean(o.Name)
		if o.Failure != "" {
			what += ": " + clean(o.Failure)
		}
		indent := 2 + width(o.Result) + width(head)
		p.labelled(2, indent, plain, p.paint(s, o.Result)+head, plain, what)
		p.text(indent, dim, allowed(o.Profile))
		for _, b := range o.Blames {
			p.text(indent, dim, "blamed on "+clean(b.Setting)+": "+clean(b.Evidence))
		}
	}
}

// lastWords quotes the runs that decided against a seal. It reports whether there are any.
func (p reader) lastWords(r Report) bool {
	rounds := decisive(r)
	for _, o := range rounds {
		for _, c := range o.Commands {
			if c.ExitCode != 0 {
				p.quote(fmt.Sprintf("The last lines of `%s`, which exited %d", clean(c.Command), c.ExitCode), c.Output)
			}
		}
		p.quote("The last lines of the application's log, "+clean(o.Name), withFirst(o.DecidingLine, o.Logs))
	}
	return len(rounds) > 0
}

// decisive returns the runs that decided against a seal: the open run where that fails, else the last failed run that gave
// nothing up, and for an exception from the restart the run that did not come back.
func decisive(r Report) []Round {
	if v := seal.Verdict(r.Verdict); v == seal.Sealed || v == seal.Planned {
		return nil
	}
	var out []Round
	restart := slices.ContainsFunc(r.Exceptions, func(e Exception) bool { return e.Setting == restartSetting })
	if !restart || len(r.Exceptions) > 1 {
		out = lastFailed(out, r.Rounds, func(o Round) bool { return !restart || o.FailedIn != string(observe.Restart) })
	}
	if restart {
		out = lastFailed(out, r.Rounds, func(o Round) bool { return o.FailedIn == string(observe.Restart) && !o.Profile.Open })
	}
	return out
}

// lastFailed appends the last failed round that gave nothing up and that counts, if there is one.
func lastFailed(out, rounds []Round, counts func(Round) bool) []Round {
	for _, o := range slices.Backward(rounds) {
		p := o.Profile
		if o.Result == Failed && counts(o) && (p.Open || p.UID != 0 && !p.WritableRoot && !p.AllowPrivilegeEscalation) {
			return append(out, o)
		}
	}
	return out
}

// restartSetting is the setting of the exception of an application that does not come back after a restart.
const restartSetting = "restart"

func (p reader) quote(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	p.title(title)
	for _, l := range lines {
		p.line("  | " + clean(l))
	}
}

// swallowed lists the writes that were refused although the run passed.
func (p reader) swallowed(r Report) {
	list := r.degraded()
	if len(list) == 0 {
		if len(r.Losses) == 0 && r.Trace.On && r.ProvedBy != "" {
			p.title("Denied and swallowed in the sealed run: none")
		}
		return
	}
	p.title("Denied and swallowed in the sealed run: what degrades silently")
	for _, e := range list {
		p.labelled(2, 6, plain, "", plain, sentence(e))
	}
}

func (p reader) trace(r Report) {
	p.line("")
	p.labelled(0, 2, bold, "Trace", plain, ": "+clean(traceLine(r.Trace)))
}

func (p reader) list(title string, items []string) {
	if len(items) == 0 {
		return
	}
	p.title(title)
	for _, s := range items {
		p.labelled(2, 4, plain, "- ", plain, clean(s))
	}
}
