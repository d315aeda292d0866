package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/safetext"
)

// streams are where a command reads and writes. stdout carries only the result.
type streams struct {
	program  string // the name that the user called
	in       io.Reader
	out, err io.Writer
	terminal bool // err is a terminal that lines can be rewritten on
	color    bool
	width    int // of the terminal, 0 if unknown

	redact *redact.Redactor // hides secrets in err; reports and advice are redacted before they are shown
}

func standardStreams() streams {
	s := streams{program: os.Args[0], in: os.Stdin, out: os.Stdout, err: os.Stderr}
	if fd := int(os.Stderr.Fd()); term.IsTerminal(fd) {
		s.terminal = os.Getenv("TERM") != "dumb" // which cannot move its cursor
		s.color = s.terminal && os.Getenv("NO_COLOR") == ""
		if w, _, err := term.GetSize(fd); err == nil {
			s.width = w
		}
	}
	return s
}

// progress shows on stderr what a command does.
func (s streams) progress(quiet bool) *report.Progress {
	return report.NewProgress(s.err, report.ProgressOptions{Terminal: s.terminal, Quiet: quiet, Color: s.color, Width: s.width, Redact: s.redact.String})
}

// printLines prints messages on stderr.
func (s streams) printLines(lines []string) {
	for _, line := range lines {
		fmt.Fprintln(s.err, "podseal:", line)
	}
}

// note prints what a user should know.
func (s streams) note(text string) { fmt.Fprintln(s.err, "podseal: note:", safetext.Line(text)) }

// oneLine returns an error's text as one line that is safe for a terminal.
func oneLine(err error) string { return safetext.OneLine(err.Error()) }

// count words a number of things.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
