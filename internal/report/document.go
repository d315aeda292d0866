package report

import (
	"io"

	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/finding"
)

// CheckSchema names the version of the JSON report of podseal check.
const CheckSchema = "podseal.check/v1"

// Document is everything that one command has to report. Each kind of report is a view of it.
type Document struct {
	Command  string            // "run" or "check"
	Version  string            // of podseal
	Reports  Several           // the targets that were run; empty for a check without runs
	Check    *Check            // of podseal check; nil for podseal run
	Findings []finding.Finding // of all targets, in their order
}

// Check is the result of podseal check.
type Check struct {
	Schema   string            `json:"schema"`
	ExitCode int               `json:"exitCode"`
	Targets  []CheckedTarget   `json:"targets"`
	Findings []finding.Finding `json:"findings"`
}

// CheckedTarget is a target that was compared with its seal.
type CheckedTarget struct {
	Name  string `json:"name"`
	Image string `json:"image,omitempty"` // that the manifest names
	Seal  string `json:"seal,omitempty"`  // the seal file
	File  string `json:"file,omitempty"`  // the manifest, with slashes
	Line  int    `json:"line,omitempty"`  // of the container; 0 if it is not known
	Rerun bool   `json:"rerun,omitempty"` // it was proved again
}

// NewDocument returns the document of podseal run.
func NewDocument(version string, all Several) Document {
	d := Document{Command: "run", Version: version, Reports: all}
	for _, r := range all.Reports {
		d.Findings = append(d.Findings, r.Findings()...)
	}
	for _, e := range all.Errors {
		d.Findings = append(d.Findings, e.finding())
	}
	return d
}

// NewCheckDocument returns the document of podseal check. The reports are those of the targets that were proved again.
func NewCheckDocument(version string, targets []CheckedTarget, findings []finding.Finding, reports []Report) Document {
	c := Check{Schema: CheckSchema, Targets: each(targets, same), Findings: each(findings, same)}
	for _, f := range findings {
		if f.Level == finding.Error {
			c.ExitCode = exitcode.Drift
		}
	}
	return Document{Command: "check", Version: version, Check: &c, Findings: findings, Reports: NewSeveral(reports)}
}

// finding returns the error as a finding.
func (e TargetError) finding() finding.Finding {
	return finding.Finding{Rule: finding.RunError, Level: finding.Error, Target: e.Target, Message: clean(e.Message)}
}

// JSON writes the result of a check, or the reports of a run.
func (d Document) JSON(w io.Writer) error {
	if d.Check != nil {
		return writeJSON(w, d.Check)
	}
	return d.Reports.JSON(w)
}

// Case is one target of a document, with its findings.
type Case struct {
	Name       string
	File       string // the manifest, with slashes; empty for none
	Seconds    float64
	Summary    string      // a sentence or two
	Properties [][2]string // names and values, in reading order
	Findings   []finding.Finding
}

// Failed reports whether one of the findings makes the command fail.
func (c Case) Failed() bool {
	for _, f := range c.Findings {
		if f.Level == finding.Error {
			return true
		}
	}
	return false
}

// Cases returns the targets of the document in their order.
func (d Document) Cases() []Case {
	if d.Check == nil {
		return append(each(d.Reports.Reports, Report.asCase), each(d.Reports.Errors, func(e TargetError) Case {
			return Case{Name: e.Target, Summary: clean(e.Message), Findings: []finding.Finding{e.finding()}}
		})...)
	}
	return each(d.Check.Targets, func(t CheckedTarget) Case {
		c := Case{Name: t.Name, File: t.File, Summary: "current: the manifest carries what the seal proved"}
		for _, f := range d.Findings {
			if f.Target == t.Name {
				c.Findings = append(c.Findings, f)
				c.Summary = "checked against its seal"
			}
		}
		for _, p := range [][2]string{{"image", t.Image}, {"seal", t.Seal}} {
			if p[1] != "" {
				c.Properties = append(c.Properties, p)
			}
		}
		return c
	})
}

func (r Report) asCase() Case {
	c := Case{Name: r.Name(), File: r.Target.File, Seconds: r.Seconds, Findings: r.Findings(), Summary: clean(r.Verdict + r.limits() + ": " + r.Why)}
	add := func(name, value string) {
		if value != "" {
			c.Properties = append(c.Properties, [2]string{name, clean(value)})
		}
	}
	add("verdict", r.Verdict)
	add("image", r.Image.Reference)
	add("digest", r.Image.Digest)
	add("provedBy", r.ProvedBy)
	if r.Profile != nil {
		add("user", userValue(*r.Profile))
		for _, m := range r.Profile.Mounts {
			add("mount", m.Path+" ("+m.Kind+")")
		}
	}
	return c
}

// Rebased returns the document with the files of its targets and findings renamed, as a forge knows them. A finding whose file
// gets an empty name has no place any longer.
func (d Document) Rebased(rename func(file string) string) Document {
	d.Reports.Reports = each(d.Reports.Reports, func(r Report) Report {
		r.Target.File = renamed(r.Target.File, rename)
		return r
	})
	findings := func(list []finding.Finding) []finding.Finding {
		return each(list, func(f finding.Finding) finding.Finding {
			if f.File = renamed(f.File, rename); f.File == "" {
				f.Line, f.Column = 0, 0
			}
			return f
		})
	}
	d.Findings = findings(d.Findings)
	if d.Check != nil {
		c := *d.Check
		c.Findings = findings(c.Findings)
		c.Targets = each(c.Targets, func(t CheckedTarget) CheckedTarget {
			t.File = renamed(t.File, rename)
			return t
		})
		d.Check = &c
	}
	return d
}

func renamed(file string, rename func(string) string) string {
	if file == "" {
		return ""
	}
	return rename(file)
}
