package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/podseal/podseal/internal/safetext"
)

// JSON writes the comparison as one indented object.
func (c Comparison) JSON(w io.Writer) error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the comparison as JSON: %w", err)
	}
	_, err = w.Write(append(safetext.JSON(data), '\n'))
	return err
}

// Text writes the comparison for a reader: a line each difference, "-" for what only the first image shows, "+" for what only
// the second does.
func (c Comparison) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "- %s: %s\n+ %s: %s\n", c.A.Reference, c.A.Verdict, c.B.Reference, c.B.Verdict)
	fmt.Fprintf(&b, "%s\n", c.Summary())
	area := Area("")
	for _, d := range c.Differences {
		if d.Area == Verdict {
			continue // in the first lines
		}
		if d.Area != area {
			area = d.Area
			fmt.Fprintf(&b, "\n%s\n", titles[area])
		}
		for _, line := range d.lines() {
			fmt.Fprintf(&b, "  %s\n", safetext.Line(line))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// titles are the headings of the areas.
var titles = map[Area]string{
	User: "User of the profile", Exception: "Exceptions", Profile: "Needed by the profile", Loss: "Lost against the open run",
	Port: "Listening ports", Process: "Users of processes", Exit: "Exit", Write: "Writes",
}

// lines returns a difference as one or two lines.
func (d Difference) lines() []string {
	line := func(sign, value string) string {
		return strings.TrimSuffix(sign+" "+strings.TrimPrefix(d.Subject+": ", ": ")+value, ": ")
	}
	var out []string
	if d.A != "" {
		out = append(out, line("-", d.A))
	}
	if d.B != "" {
		out = append(out, line("+", d.B))
	}
	return out
}

// Markdown writes the comparison for a pull request.
func (c Comparison) Markdown(w io.Writer) error {
	var text strings.Builder
	if err := c.Text(&text); err != nil {
		return err
	}
	fence := "```"
	for strings.Contains(text.String(), fence) {
		fence += "`"
	}
	_, err := fmt.Fprintf(w, "### podseal compare: %s\n\n%sdiff\n%s%s\n", c.Summary(), fence, text.String(), fence)
	return err
}

// Summary says in one line what the comparison shows.
func (c Comparison) Summary() string {
	switch {
	case !c.Testable():
		return "the e2e commands fail on an image as it is, so that its writes and its profile are unknown"
	case len(c.Differences) == 0:
		return "no difference"
	case c.NeedsMore:
		return "the second image needs more than the first"
	}
	return "they differ, and the second image needs nothing more"
}
