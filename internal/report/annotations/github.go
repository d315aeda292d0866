// Package annotations shows findings in the code of a change: as workflow commands of GitHub, and as a code quality report
// of GitLab.
package annotations

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/safetext"
)

// commands are the workflow commands of GitHub, by level.
var commands = map[finding.Level]string{finding.Error: "error", finding.Warning: "warning", finding.Note: "notice"}

// maxAnnotations is how many annotations of one level GitHub shows of a step.
// https://docs.github.com/en/actions/reference/limits
const maxAnnotations = 10

// GitHub writes findings as workflow commands, errors first. A runner reads them from both the standard output and the
// standard error of a step. Where there are more of a level than GitHub shows, the last one counts the others.
func GitHub(w io.Writer, findings []finding.Finding) error {
	var b strings.Builder
	for _, level := range []finding.Level{finding.Error, finding.Warning, finding.Note} {
		var list []finding.Finding
		for _, f := range findings {
			if f.Level == level {
				list = append(list, f)
			}
		}
		shown := list
		if len(list) > maxAnnotations {
			shown = list[:maxAnnotations-1]
		}
		for _, f := range shown {
			b.WriteString(command(f))
		}
		if more := len(list) - len(shown); more > 0 {
			fmt.Fprintf(&b, "::%s title=podseal::%d more findings, all in the log of the step\n", commands[level], more)
			for _, f := range list[len(shown):] {
				b.WriteString("podseal: " + f.Rule + ": " + safetext.Line(f.Target+": "+f.Message) + "\n")
			}
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the annotations for GitHub: %w", err)
	}
	return nil
}

// command returns one workflow command with its line break.
func command(f finding.Finding) string {
	var properties []string
	add := func(name, value string) {
		if value != "" {
			properties = append(properties, name+"="+property(value))
		}
	}
	add("file", f.File)
	if f.File != "" && f.Line > 0 {
		add("line", strconv.Itoa(f.Line))
		if f.Column > 0 {
			add("col", strconv.Itoa(f.Column))
		}
	}
	add("title", finding.RuleOf(f.Rule).Title+" ("+f.Rule+")")
	return "::" + commands[f.Level] + " " + strings.Join(properties, ",") + "::" + message(f.Target+": "+f.Message) + "\n"
}

// The escapes of workflow commands, as the runner's own toolkit writes them (actions/toolkit, packages/core/src/command.ts).
var (
	messageEscapes  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func message(s string) string  { return messageEscapes.Replace(safetext.Line(s)) }
func property(s string) string { return propertyEscapes.Replace(safetext.Line(s)) }
