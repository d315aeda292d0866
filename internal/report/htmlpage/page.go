// Package htmlpage writes a document as one HTML page that needs nothing else: no network, no script to be read.
package htmlpage

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/safetext"
	"github.com/podseal/podseal/internal/seal"
)

//go:embed page.html page.css page.js
var files embed.FS

// Page is what the template shows.
type Page struct {
	Title   string
	Summary string
	Command string
	Version string
	Policy  string // the content security policy
	Style   template.CSS
	Script  template.JS
	Targets []Target
	Errors  []report.TargetError
	Checked []report.Case // of podseal check
}

// Target is one target of the page.
type Target struct {
	report.Report
	ID       string // the anchor
	Label    string // its name
	Status   string // a class: good, warn or bad
	Findings []finding.Finding
	Folders  *Folder
	Timeline *Timeline
	Snippets []string // of the ways of its advice
	Noise    int      // paths that were set aside
}

// Write writes a document as an HTML page.
func Write(w io.Writer, d report.Document) error {
	text, err := files.ReadFile("page.html")
	if err != nil {
		return fmt.Errorf("reading the template of the HTML report: %w", err)
	}
	t, err := template.New("page").Parse(string(text))
	if err != nil {
		return fmt.Errorf("reading the template of the HTML report: %w", err)
	}
	p, err := newPage(d)
	if err != nil {
		return err
	}
	var b strings.Builder
	if err := t.Execute(&b, p); err != nil {
		return fmt.Errorf("writing the HTML report: %w", err)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the HTML report: %w", err)
	}
	return nil
}

// newPage returns the page of a document. All its texts are printable lines.
func newPage(d report.Document) (Page, error) {
	style, err := files.ReadFile("page.css")
	if err != nil {
		return Page{}, fmt.Errorf("reading the style of the HTML report: %w", err)
	}
	script, err := files.ReadFile("page.js")
	if err != nil {
		return Page{}, fmt.Errorf("reading the script of the HTML report: %w", err)
	}
	p := Page{
		Command: d.Command, Version: safetext.Line(d.Version),
		Style: template.CSS(style), Script: template.JS(script), //nolint:gosec // the project's own files
		Policy: "default-src 'none'; style-src '" + hash(style) + "'; script-src '" + hash(script) + "'; base-uri 'none'; form-action 'none'",
	}
	p.Errors = redact.Texts(d.Reports.Errors, safetext.Line)
	good := 0
	for i, r := range d.Reports.Reports {
		t := newTarget(r, i)
		if r.ExitCode == exitcode.Sealed {
			good++
		}
		p.Targets = append(p.Targets, t)
	}
	if d.Check != nil {
		p.Checked = redact.Texts(d.Cases(), safetext.Line)
	}
	p.Title, p.Summary = title(p, good)
	return p, nil
}

// title returns the title of the page, and one sentence about all targets.
func title(p Page, good int) (title, summary string) {
	switch {
	case len(p.Checked) > 0:
		failed := 0
		for _, c := range p.Checked {
			if c.Failed() {
				failed++
			}
		}
		return "podseal check", fmt.Sprintf("%d of %d targets match their seals", len(p.Checked)-failed, len(p.Checked))
	case len(p.Targets) == 1 && len(p.Errors) == 0:
		return p.Targets[0].Label + ": " + p.Targets[0].Verdict, ""
	}
	return "podseal " + p.Command, fmt.Sprintf("%d of %d targets sealed", good, len(p.Targets)+len(p.Errors))
}

func newTarget(r report.Report, i int) Target {
	var snippets []string
	if r.Advice != nil {
		for _, w := range r.Advice.Ways {
			snippets = append(snippets, safetext.Text(strings.TrimSpace(w.Snippet)))
		}
	}
	r = redact.Texts(r, safetext.Line)
	t := Target{
		Report: r, ID: fmt.Sprintf("target-%d", i+1), Label: r.Name(), Status: "good", Findings: r.Findings(),
		Folders: folders(r), Timeline: timeline(r), Snippets: snippets,
	}
	for _, c := range r.Choices {
		if c.Kind == seal.Noise {
			t.Noise++
		}
	}
	for _, f := range t.Findings {
		switch {
		case f.Level == finding.Error:
			t.Status = "bad"
		case t.Status == "good":
			t.Status = "warn"
		}
	}
	if r.Verdict == "planned, not proved" && t.Status == "good" {
		t.Status = "warn"
	}
	return t
}

// Runs counts the runs by their results: "9 runs, 3 passed".
func (t Target) Runs() string {
	n := map[string]int{}
	for _, r := range t.Rounds {
		n[r.Result]++
	}
	var parts []string
	for _, result := range []string{report.Passed, report.Failed, report.Inconclusive} {
		if n[result] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[result], result))
		}
	}
	return strings.Join(parts, ", ")
}

// Needed returns the settings that this application needs, and Common those that every seal has.
func (t Target) Needed() []report.Setting { return t.settings(false) }

// Common returns the settings that every seal has.
func (t Target) Common() []report.Setting { return t.settings(true) }

func (t Target) settings(common bool) []report.Setting {
	var out []report.Setting
	for _, s := range t.Settings() {
		if s.Common == common {
			out = append(out, s)
		}
	}
	return out
}

// hash returns the source expression of an inline element in a content security policy.
func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// Kinds returns the kinds of folders on the map of the target, in the order of the legend.
func (t Target) Kinds() []FolderKind {
	found := map[string]bool{}
	var walk func(*Folder)
	walk = func(f *Folder) {
		found[f.Kind] = true
		for _, c := range f.Children {
			walk(c)
		}
	}
	walk(t.Folders)
	var out []FolderKind
	for _, k := range kindNames {
		if found[k.Kind] {
			out = append(out, k)
		}
	}
	return out
}

// MountWhy returns why a folder is mounted.
func (t Target) MountWhy(at string) string { return t.mount(at).Why }

// MountProof returns the run that failed without a mount.
func (t Target) MountProof(at string) string { return t.mount(at).Proof }

// mount returns the reason of a mount: of the decision about its folder, else of the profile.
func (t Target) mount(at string) report.Reason {
	for _, c := range t.Choices {
		if c.Path == at {
			return report.Reason{Why: c.Reason, Proof: c.Proof}
		}
	}
	for _, r := range t.Reasons {
		if r.Field == profile.MountID(at) {
			return r
		}
	}
	return report.Reason{}
}
