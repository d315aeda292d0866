package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/podseal/podseal/internal/termtext"
)

// Markdown writes the report for a CI summary: what was decided in the open, how it was found folded.
func (r Report) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### podseal: %s\n\n%s\n\n%s\n", prose(r.Verdict+r.limits()), code(r.subject()), prose(r.Why))
	if len(r.Exceptions) > 0 {
		b.WriteString("\n**Exceptions**\n\n")
		for _, e := range r.Exceptions {
			fmt.Fprintf(&b, "- %s: %s. To lose it: %s\n", code(e.Setting), prose(e.Why), prose(e.Fix))
		}
	}
	if r.Profile != nil {
		mdChoices(&b, r.Choices)
		mdSettings(&b, r)
		mdWritten(&b, r.Written)
	}
	mdLosses(&b, r)
	if list := r.degraded(); len(list) > 0 {
		b.WriteString("\n**Denied and swallowed in the sealed run: what degrades silently**\n\n")
		for _, e := range list[:min(len(list), maxSwallowed)] {
			fmt.Fprintf(&b, "- %s\n", prose(sentence(e)))
		}
		if more := len(list) - maxSwallowed; more > 0 {
			fmt.Fprintf(&b, "- and %d more, all in the JSON report\n", more)
		}
	}
	mdRounds(&b, r)
	fmt.Fprintf(&b, "\n**Trace**: %s\n", prose(traceLine(r.Trace)))
	if len(r.NotExercised) > 0 && r.Profile != nil {
		b.WriteString("\n**Not exercised**\n\n")
		for _, s := range r.NotExercised {
			fmt.Fprintf(&b, "- %s\n", prose(s))
		}
	}
	mdAdvice(&b, r)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the Markdown report: %w", err)
	}
	return nil
}

func mdChoices(b *strings.Builder, all []Choice) {
	rows, noise := quiet(all)
	if len(rows) > 0 {
		b.WriteString("\n| path | change | phase | decision | reason |\n| --- | --- | --- | --- | --- |\n")
	}
	for _, c := range rows {
		reason := prose(c.Reason)
		for _, s := range []string{wrote(c), c.Proof} {
			if s != "" {
				reason += "<br>" + prose(s)
			}
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", code(c.Path), orDash(c.Changes), orDash(c.Phase), prose(c.Decision), reason)
	}
	if noise > 0 {
		fmt.Fprintf(b, "\n%s set aside as runtime noise\n", termtext.Count(noise, "path"))
	}
}

func mdSettings(b *strings.Builder, r Report) {
	b.WriteString("\n| setting | reason |\n| --- | --- |\n")
	for _, s := range settings(r) {
		why := prose(s.why)
		if s.proof != "" {
			why += "<br>" + prose(s.proof)
		}
		fmt.Fprintf(b, "| %s | %s |\n", code(s.name), why)
	}
}

func mdRounds(b *strings.Builder, r Report) {
	if len(r.Rounds) == 0 {
		return
	}
	fmt.Fprintf(b, "\n<details><summary>What was tried: %s</summary>\n\n| round | result | seconds |\n| --- | --- | --- |\n",
		termtext.Count(len(r.Rounds), "run"))
	for _, o := range r.Rounds {
		result := o.Result
		if o.Failure != "" {
			result += ": " + prose(o.Failure)
		}
		for _, x := range o.Blames {
			result += "<br>blamed on " + prose(x.Setting+": "+x.Evidence)
		}
		fmt.Fprintf(b, "| %s | %s | %.1f |\n", prose(o.Name), result, o.Seconds)
	}
	b.WriteString("\n</details>\n")
}

// markup escapes what Markdown or HTML would interpret.
var markup = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;",
	"&", "&amp;", "|", `\|`, "~", `\~`)

// references breaks references to people, which would notify them, and to issues. Forges link them in the finished HTML, so that
// an escaped character does not help; a comment does.
var references = strings.NewReplacer("@", "@<!-- -->", "#", "#<!-- -->")

// prose escapes text, so that Markdown shows it unchanged.
func prose(s string) string { return references.Replace(markup.Replace(strings.TrimSpace(clean(s)))) }

// code returns text in a code span, fenced by more backticks than it has in a row. In a table a bar ends a cell even there.
func code(s string) string {
	s = strings.ReplaceAll(clean(s), "|", `\|`)
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return fence + s + fence
}
