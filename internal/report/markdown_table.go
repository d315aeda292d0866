package report

import (
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/termtext"
)

// Markdown writes the document for the summary of a CI job or the comment of a pull request: many targets begin with a table.
func (d Document) Markdown(w io.Writer) error {
	if d.Check == nil {
		return d.Reports.Markdown(w)
	}
	var b strings.Builder
	failed := 0
	cases := d.Cases()
	for _, c := range cases {
		if c.Failed() {
			failed++
		}
	}
	title := "no drift in " + termtext.Count(len(cases), "target")
	if failed > 0 {
		title = fmt.Sprintf("drift in %d of %s", failed, termtext.Count(len(cases), "target"))
	}
	fmt.Fprintf(&b, "### podseal check: %s\n\n| | target | findings |\n| --- | --- | --- |\n", title)
	for _, c := range cases {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", caseMark(c), code(c.Name), strings.Join(each(c.Findings, mdFinding), "<br>"))
	}
	if len(d.Reports.Reports) > 0 {
		b.WriteString("\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the Markdown report: %w", err)
	}
	if len(d.Reports.Reports) == 0 {
		return nil
	}
	return d.Reports.Markdown(w)
}

// Markdown writes one report as it is, several as a table and a folded part for each.
func (s Several) Markdown(w io.Writer) error {
	if len(s.Reports) == 1 && len(s.Errors) == 0 {
		return s.Reports[0].Markdown(w)
	}
	var b strings.Builder
	good := 0
	for _, r := range s.Reports {
		if r.ExitCode == exitcode.Sealed {
			good++
		}
	}
	fmt.Fprintf(&b, "### podseal: %d of %s sealed\n\n| | target | result | user | writable | remarks |\n| --- | --- | --- | --- | --- | --- |\n",
		good, termtext.Count(len(s.Reports)+len(s.Errors), "target"))
	for _, r := range s.Reports {
		b.WriteString(r.row())
	}
	for _, e := range s.Errors {
		fmt.Fprintf(&b, "| %s | %s | error | - | - | %s |\n", failMark, code(e.Target), prose(e.Message))
	}
	for _, r := range s.Reports {
		open := ""
		if r.ExitCode != exitcode.Sealed {
			open = " open"
		}
		fmt.Fprintf(&b, "\n<details%s><summary>%s: %s</summary>\n\n", open, htmlText(r.Name()), htmlText(r.Verdict+r.limits()))
		if err := r.Markdown(&b); err != nil {
			return err
		}
		b.WriteString("\n</details>\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the Markdown report: %w", err)
	}
	return nil
}

// row returns the report's row in the table of several.
func (r Report) row() string {
	user, writable := "-", "-"
	if r.Profile != nil {
		user = prose(userValue(*r.Profile))
		switch paths := each(r.Profile.Mounts, func(m Mount) string { return code(m.Path) }); {
		case r.Profile.WritableRoot:
			writable = "everything"
		case len(paths) > 0:
			writable = some(paths, 3, ", ")
		case r.ProvedBy != "":
			writable = "nothing"
		}
	}
	var remarks []string
	if len(r.Exceptions) > 0 {
		remarks = append(remarks, "without "+some(each(r.Exceptions, func(e Exception) string { return code(e.Setting) }), 2, ", "))
	}
	if len(r.Losses) > 0 {
		remarks = append(remarks, termtext.Count(len(r.Losses), "loss"))
	}
	if r.Profile == nil || len(remarks) == 0 && r.ExitCode != exitcode.Sealed {
		remarks = append(remarks, prose(r.Why))
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s |\n", r.mark(), code(r.Name()), prose(r.Verdict), user, writable, strings.Join(remarks, "; "))
}

// The marks of rows.
const (
	goodMark = "✅"
	warnMark = "⚠️"
	failMark = "❌"
)

func (r Report) mark() string {
	switch {
	case r.ExitCode != exitcode.Sealed:
		return failMark
	case seal.Verdict(r.Verdict) != seal.Sealed || len(r.Losses) > 0:
		return warnMark
	}
	return goodMark
}

func caseMark(c Case) string {
	switch {
	case c.Failed():
		return failMark
	case len(c.Findings) > 0:
		return warnMark
	}
	return goodMark
}

func mdFinding(f finding.Finding) string {
	s := prose(f.Message)
	if f.File != "" {
		s = code(fmt.Sprintf("%s:%d", f.File, f.Line)) + " " + s
	}
	return s + " (" + code(f.Rule) + ")"
}

// htmlText returns text for an HTML element in Markdown, where forges link references all the same.
func htmlText(s string) string { return references.Replace(html.EscapeString(clean(s))) }
