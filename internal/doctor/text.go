package doctor

import (
	"fmt"
	"io"
	"strings"

	"github.com/podseal/podseal/internal/safetext"
)

// WriteText writes a report for people: one capability a paragraph.
func WriteText(w io.Writer, r Report) error {
	var b strings.Builder
	fmt.Fprintln(&b, safetext.Line(r.Subject))
	for _, c := range r.Capabilities {
		name := c.Name
		if c.Detail != "" {
			name += ": " + c.Detail
		}
		fmt.Fprintf(&b, "\n%-7s  %s\n", c.Has, safetext.Line(name))
		fmt.Fprintf(&b, "         %s\n", safetext.Line(c.Consequence))
		if c.Remedy != "" {
			fmt.Fprintf(&b, "         to do: %s\n", safetext.Line(c.Remedy))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
