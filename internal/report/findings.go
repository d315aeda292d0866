package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/safetext"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/termtext"
)

// Name returns the name of the target in findings and in lists: its name in podseal.yaml, else its container with the object
// of the manifest, else its image.
func (r Report) Name() string {
	name := cmp.Or(r.Target.Name, r.Target.Container)
	if r.Target.Name == "" && r.Target.Object != "" {
		name = r.Target.Object + "/" + name
	}
	return cmp.Or(name, r.Image.Reference)
}

// Findings returns everything in a report that a user has to act on: a failed verdict first, then exceptions and losses. An
// image that was given alone has no file.
func (r Report) Findings() []finding.Finding {
	out := []finding.Finding{}
	add := func(rule string, level finding.Level, subject, message string) {
		f := finding.Finding{Rule: rule, Level: level, Target: r.Name(), Subject: subject, Message: clean(message)}
		if r.Target.Line > 0 {
			f.File, f.Line = filepath.ToSlash(r.Target.File), r.Target.Line
		}
		out = append(out, f)
	}
	switch {
	case seal.Verdict(r.Verdict) == seal.NotTestable:
		add(finding.NotTestable, finding.Error, "", r.Why)
	case seal.Verdict(r.Verdict) == seal.NotSealable && !r.accepted():
		add(finding.NotSealable, finding.Error, "", r.Why)
	}
	for _, e := range r.Exceptions {
		level := finding.Error
		if e.Accepted {
			level = finding.Warning
		}
		add(finding.Exception, level, e.Setting, ended(e.Setting+": "+e.Why)+" To lose it: "+e.Fix)
	}
	level := finding.Warning
	if r.strict() {
		level = finding.Error
	}
	for _, l := range r.Losses {
		add(finding.Loss, level, l.Kind+" "+l.What, lossLine(l))
	}
	return out
}

// accepted reports whether the result has exceptions, all of them accepted.
func (r Report) accepted() bool {
	return len(r.Exceptions) > 0 && !slices.ContainsFunc(r.Exceptions, func(e Exception) bool { return !e.Accepted })
}

// strict reports whether losses alone are the reason for the exit code.
func (r Report) strict() bool {
	good := seal.Verdict(r.Verdict) == seal.Sealed || r.accepted()
	return r.ExitCode == exitcode.NotSealed && good
}

// ended returns a text with a full stop at its end.
func ended(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.ContainsAny(s[len(s)-1:], ".!?") {
		return s
	}
	return s + "."
}

// FindingLine words a finding as compilers do: "deploy.yaml:12:5: error: ...".
func FindingLine(f finding.Finding) string {
	at := ""
	switch {
	case f.Column > 0:
		at = fmt.Sprintf("%s:%d:%d: ", f.File, f.Line, f.Column)
	case f.Line > 0:
		at = fmt.Sprintf("%s:%d: ", f.File, f.Line)
	case f.File != "":
		at = f.File + ": "
	}
	return safetext.Line(fmt.Sprintf("%s%s: %s: %s [%s]", at, f.Level, f.Target, f.Message, f.Rule))
}

// CheckSummary words the counts of a check.
func (d Document) CheckSummary() string {
	failing := 0
	for _, f := range d.Findings {
		if f.Level == finding.Error {
			failing++
		}
	}
	text := termtext.Count(len(d.Check.Targets), "container") + " checked"
	if failing == 0 {
		text += ", no drift"
	} else {
		text += ", " + termtext.Count(failing, "error")
	}
	if others := len(d.Findings) - failing; others > 0 {
		text += ", " + termtext.Count(others, "note")
	}
	return text
}

// ParseFindings reads the findings of an earlier check from its JSON report.
func ParseFindings(data []byte) ([]finding.Finding, error) {
	var earlier struct {
		Schema   string            `json:"schema"`
		Findings []finding.Finding `json:"findings"`
	}
	if err := json.Unmarshal(data, &earlier); err != nil || earlier.Schema != CheckSchema {
		return nil, errors.New("not a report of podseal check")
	}
	return earlier.Findings, nil
}
