// Package views writes a document as each kind of report.
package views

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/report/annotations"
	"github.com/podseal/podseal/internal/report/htmlpage"
	"github.com/podseal/podseal/internal/report/junit"
	"github.com/podseal/podseal/internal/report/sarif"
)

// configuration is where findings without a file are shown by forges, which need a file.
const configuration = "podseal.yaml"

// kinds are the kinds of reports in the order of their documentation.
var kinds = []struct {
	name  string
	write func(io.Writer, report.Document) error
}{
	{"json", func(w io.Writer, d report.Document) error { return d.JSON(w) }},
	{"markdown", func(w io.Writer, d report.Document) error { return d.Markdown(w) }},
	{"junit", junit.Write},
	{"sarif", func(w io.Writer, d report.Document) error {
		return sarif.Write(w, d.Findings, sarif.Options{Version: d.Version, Rules: finding.Rules(), Category: d.Command, Fallback: configuration})
	}},
	{"github", func(w io.Writer, d report.Document) error { return annotations.GitHub(w, d.Findings) }},
	{"gitlab", func(w io.Writer, d report.Document) error { return annotations.GitLab(w, d.Findings, configuration) }},
	{"html", htmlpage.Write},
}

// Kinds returns the names of all kinds of reports.
func Kinds() []string {
	var out []string
	for _, k := range kinds {
		out = append(out, k.name)
	}
	return out
}

// Write writes a document as one kind of report.
func Write(w io.Writer, kind string, d report.Document) error {
	for _, k := range kinds {
		if k.name == kind {
			return k.write(w, d)
		}
	}
	return fmt.Errorf("there is no report of the kind %s (this is a fault of podseal)", kind)
}

// File is one report that the user asks for.
type File struct{ Kind, Name string }

// Standard reports whether the report goes to a standard stream: "-" and /dev/stdout mean the standard output, /dev/stderr
// the standard error.
func (f File) Standard() (stdout, stderr bool) {
	return f.Name == "-" || f.Name == "/dev/stdout", f.Name == "/dev/stderr"
}

// ParseFiles reads values of --report: KIND=FILE.
func ParseFiles(values []string) ([]File, error) {
	var out []File
	for _, v := range values {
		kind, name, _ := strings.Cut(v, "=")
		if !slices.Contains(Kinds(), kind) || name == "" {
			return nil, fmt.Errorf("--report %s: use KIND=FILE, with a kind of %s", v, strings.Join(Kinds(), ", "))
		}
		out = append(out, File{kind, name})
	}
	return out, nil
}

// WriteFiles writes all reports. The function writes those that go to a file. The names of files in them are those that a forge
// shows.
func WriteFiles(files []File, d report.Document, stdout, stderr io.Writer, file func(name string, data []byte) error) error {
	d = d.Rebased(fromRoot)
	for _, f := range files {
		var b bytes.Buffer
		if err := Write(&b, f.Kind, d); err != nil {
			return err
		}
		var err error
		switch out, errs := f.Standard(); {
		case out:
			_, err = stdout.Write(b.Bytes())
		case errs:
			_, err = stderr.Write(b.Bytes())
		default:
			err = file(f.Name, b.Bytes())
		}
		if err != nil {
			return fmt.Errorf("writing the report %s=%s: %w", f.Kind, f.Name, err)
		}
	}
	return nil
}
