package helmchart

import (
	"path"
	"regexp"
	"strings"
)

// Output is what the templates of a chart produce.
type Output struct {
	Text []byte // one YAML stream, with the template of each document in a comment

	folder    string
	templates map[string]string // by the names in the comments
}

// Origin is the line of a template that made a line of the output.
type Origin struct {
	File string // the template, as a file of the chart
	Line int    // 0 where several lines of the template may have made it, or none
	Text string // of that line, if it has an action in it
}

const sourceMark = "# Source: "

// Origin returns the origin of a line of the output, from 1. The file is empty for a line of no template.
func (o Output) Origin(line int) Origin {
	lines := strings.Split(string(o.Text), "\n")
	if line < 1 || line > len(lines) {
		return Origin{}
	}
	for i := line - 1; i >= 0; i-- {
		name, marked := strings.CutPrefix(lines[i], sourceMark)
		if !marked {
			continue
		}
		_, inChart, _ := strings.Cut(name, "/")
		origin := Origin{File: path.Join(o.folder, inChart)}
		origin.find(o.templates[name], strings.TrimSpace(lines[line-1]))
		return origin
	}
	return Origin{}
}

// action is what a template replaces.
var action = regexp.MustCompile(`\{\{.*?\}\}`)

// find looks for the only line of a template that can have made a line of the output.
func (o *Origin) find(template, made string) {
	for i, line := range strings.Split(template, "\n") {
		line = strings.TrimSpace(line)
		fixed := action.Split(line, -1)
		if strings.TrimSpace(strings.Join(fixed, "")) == "" {
			continue
		}
		for j := range fixed {
			fixed[j] = regexp.QuoteMeta(fixed[j])
		}
		pattern := strings.TrimSpace(strings.Join(fixed, ".*"))
		if ok, err := regexp.MatchString("^"+pattern+"$", made); err != nil || !ok && !strings.HasPrefix(line, made+" {{") {
			continue
		}
		if o.Line > 0 {
			o.Line, o.Text = 0, ""
			return
		}
		if o.Line = i + 1; len(fixed) > 1 {
			o.Text = line
		}
	}
}
