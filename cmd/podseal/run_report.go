package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/report/views"
	"github.com/podseal/podseal/internal/safetext"
)

// reportOptions are the flags of the reports that a command writes.
type reportOptions struct {
	values []string
	files  []views.File
}

func (o *reportOptions) addFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&o.values, "report", nil, "also write a report: `KIND=FILE`, with a kind of "+strings.Join(views.Kinds(), ", ")+
		"; - and /dev/stderr mean the standard streams (repeatable)")
}

// check reads the flags. A report on stdout is refused if stdout also carries the result.
func (o *reportOptions) check(resultOnStdout bool) (err error) {
	if o.files, err = views.ParseFiles(o.values); err != nil {
		return exitcode.BadInput(err)
	}
	for _, f := range o.files {
		if stdout, _ := f.Standard(); stdout && resultOnStdout {
			return exitcode.BadInputf("--report %s=%s: the result goes to stdout: write it to a file with -o, or use %s=/dev/stderr", f.Kind, f.Name, f.Kind)
		}
	}
	return nil
}

// names returns the names of the files to write.
func (o *reportOptions) names() []string {
	var out []string
	for _, f := range o.files {
		if stdout, stderr := f.Standard(); !stdout && !stderr {
			out = append(out, f.Name)
		}
	}
	return out
}

// write writes all reports. The function writes the ones that go to a file.
func (o *reportOptions) write(s streams, d report.Document, file func(name string, data []byte) error) error {
	d = d.Rebased(fromRoot)
	for _, f := range o.files {
		var b bytes.Buffer
		if err := views.Write(&b, f.Kind, d); err != nil {
			return err
		}
		var err error
		switch stdout, stderr := f.Standard(); {
		case stdout:
			_, err = s.out.Write(b.Bytes())
		case stderr:
			_, err = s.err.Write(b.Bytes())
		default:
			err = file(f.Name, b.Bytes())
		}
		if err != nil {
			return fmt.Errorf("writing the report %s=%s: %w", f.Kind, f.Name, err)
		}
	}
	return nil
}

// report prints the result on stderr and writes the files of --report.
func (o *runOptions) report(s streams, places *deliver.Places, r report.Several) error {
	if o.quiet {
		printFailures(s.err, r)
	} else if err := r.Text(s.err, report.TextOptions{
		Width: s.width, Color: s.color, Verbose: o.verbose, Output: o.deliver.Where(), More: "--verbose",
	}); err != nil {
		return err
	}
	return o.reports.write(s, report.NewDocument(version, r), places.Write)
}

// printFailures prints a line for each container without a seal: --quiet hides reports, not errors.
func printFailures(w io.Writer, all report.Several) {
	for _, r := range all.Reports {
		if r.ExitCode == exitcode.Sealed {
			continue
		}
		name := r.Image.Reference
		if r.Target.Container != "" {
			name = "container " + r.Target.Container
		}
		if r.Target.Name != "" {
			name = "target " + r.Target.Name
		}
		fmt.Fprintln(w, "podseal:", safetext.Line(fmt.Sprintf("%s: %s: %s", name, r.Verdict, r.Why)))
	}
}

// fromRoot returns the path of a file as a forge shows it: relative to the root of the repository that a CI server checked out,
// else to the working directory. A file elsewhere keeps its path. It is empty for what is no file: the name of something that was
// built, such as a chart, or a service of a Compose file.
func fromRoot(file string) string {
	absolute, err := filepath.Abs(file)
	if err != nil {
		return file
	}
	if _, err := os.Stat(absolute); err != nil {
		return ""
	}
	for _, root := range []string{os.Getenv("GITHUB_WORKSPACE"), os.Getenv("CI_PROJECT_DIR"), "."} {
		if root == "" {
			continue
		}
		if root, err = filepath.Abs(root); err != nil {
			continue
		}
		if rel, err := filepath.Rel(root, absolute); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel)
		}
	}
	return filepath.ToSlash(file)
}

// errors returns the errors of the targets that have no report.
func (r *configRun) errors() []report.TargetError {
	var out []report.TargetError
	for i, res := range r.results {
		if res.err != nil {
			out = append(out, report.TargetError{Target: r.items[i].Name, Message: oneLine(res.err)})
		}
	}
	return out
}
