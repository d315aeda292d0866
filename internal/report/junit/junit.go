// Package junit writes the result of a command as a JUnit report, which CI servers show as tests: a suite for the command, a
// test case for each target.
package junit

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/safetext"
)

// Suites is the root of a report.
type Suites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Time     string   `xml:"time,attr"`
	Suites   []Suite  `xml:"testsuite"`
}

// Suite is one command.
type Suite struct {
	Name     string `xml:"name,attr"`
	Tests    int    `xml:"tests,attr"`
	Failures int    `xml:"failures,attr"`
	Errors   int    `xml:"errors,attr"`
	Skipped  int    `xml:"skipped,attr"`
	Time     string `xml:"time,attr"`
	Cases    []Case `xml:"testcase"`
}

// Case is one target. Its elements stand in the order of the Jenkins schema, which the stricter readers demand.
type Case struct {
	Name       string      `xml:"name,attr"`
	Class      string      `xml:"classname,attr"`
	File       string      `xml:"file,attr,omitempty"`
	Time       string      `xml:"time,attr"`
	Properties *Properties `xml:"properties"`
	Failures   []Failure   `xml:"failure"`
	Output     string      `xml:"system-out,omitempty"`
}

// Properties are facts about a target.
type Properties struct {
	List []Property `xml:"property"`
}

// Property is a name with a value.
type Property struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

// Failure says why a target failed. Many readers show only the first of a case, so that a case has at most one.
type Failure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// Write writes a document as a JUnit report.
func Write(w io.Writer, d report.Document) error {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(&b)
	enc.Indent("", "  ")
	if err := enc.Encode(New(d)); err != nil {
		return fmt.Errorf("writing the JUnit report: %w", err)
	}
	b.WriteString("\n")
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("writing the JUnit report: %w", err)
	}
	return nil
}

// New returns a document as a JUnit report.
func New(d report.Document) Suites {
	name := "podseal " + d.Command
	s := Suite{Name: name, Cases: []Case{}}
	total := 0.0
	for _, c := range d.Cases() {
		s.Cases = append(s.Cases, newCase(name, c))
		s.Tests++
		if c.Failed() {
			s.Failures++
		}
		total += c.Seconds
	}
	s.Time = seconds(total)
	return Suites{Name: name, Tests: s.Tests, Failures: s.Failures, Time: s.Time, Suites: []Suite{s}}
}

func newCase(class string, c report.Case) Case {
	out := Case{Name: text(c.Name), Class: class, File: text(c.File), Time: seconds(c.Seconds)}
	if len(c.Properties) > 0 {
		out.Properties = &Properties{}
		for _, p := range c.Properties {
			out.Properties.List = append(out.Properties.List, Property{text(p[0]), text(p[1])})
		}
	}
	var failures, remarks []string
	var first finding.Finding
	for _, f := range c.Findings {
		line := text(where(f) + f.Rule + ": " + f.Message)
		if f.Level != finding.Error {
			remarks = append(remarks, string(f.Level)+": "+line)
			continue
		}
		if len(failures) == 0 {
			first = f
		}
		failures = append(failures, line)
	}
	if len(failures) > 0 {
		out.Failures = []Failure{{Message: text(first.Message), Type: text(first.Rule), Text: strings.Join(failures, "\n")}}
	}
	out.Output = strings.Join(append([]string{text(c.Summary)}, remarks...), "\n")
	return out
}

// where returns the place of a finding as compilers write it.
func where(f finding.Finding) string {
	switch {
	case f.File == "":
		return ""
	case f.Line == 0:
		return f.File + ": "
	}
	return fmt.Sprintf("%s:%d: ", f.File, f.Line)
}

func seconds(s float64) string { return fmt.Sprintf("%.3f", s) }

// text makes a text printable, which also leaves out the characters that XML has no form for.
func text(s string) string { return safetext.Line(s) }
