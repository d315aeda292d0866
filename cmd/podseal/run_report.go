package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/safetext"
)

// reports are the kinds of --report.
var reports = map[string]func(report.Several, io.Writer) error{
	"json":     report.Several.JSON,
	"markdown": report.Several.Markdown,
}

// reportFiles checks --report and returns the files that it names.
func (o *runOptions) reportFiles() ([]string, error) {
	var names []string
	for _, r := range o.reports {
		kind, name, _ := strings.Cut(r, "=")
		if reports[kind] == nil || name == "" {
			return nil, badInput("--report %s: use json=FILE or markdown=FILE", r)
		}
		names = append(names, name)
	}
	return names, nil
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
	for _, spec := range o.reports {
		kind, name, _ := strings.Cut(spec, "=")
		var b bytes.Buffer
		if err := reports[kind](r, &b); err != nil {
			return err
		}
		if err := places.Write(name, b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// printFailures prints a line for each container without a seal: --quiet hides reports, not errors.
func printFailures(w io.Writer, all report.Several) {
	for _, r := range all.Reports {
		if r.ExitCode == exitSealed {
			continue
		}
		name := r.Image.Reference
		if r.Target.Container != "" {
			name = "container " + r.Target.Container
		}
		fmt.Fprintln(w, "podseal:", safetext.Line(fmt.Sprintf("%s: %s: %s", name, r.Verdict, r.Why)))
	}
}
