package report

import (
	"io"
	"regexp"
	"strings"

	"github.com/podseal/podseal/internal/safetext"
	"github.com/podseal/podseal/internal/termtext"
)

// The widths that text is laid out for.
const (
	usualWidth  = 80
	leastWidth  = 40
	columnWidth = 36 // the least width of a column of prose; below, the prose goes under the row
)

// page lays out text for a width. It keeps the first error of its writer.
type page struct {
	w     io.Writer
	width int
	color bool
	err   error
}

func newPage(w io.Writer, width int, color bool) *page {
	if width <= 0 {
		width = usualWidth
	}
	return &page{w: w, width: max(width, leastWidth), color: color}
}

// line writes one line as it is; trailing spaces go.
func (p *page) line(s string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, strings.TrimRight(s, " ")+"\n")
	}
}

// title begins a section.
func (p *page) title(s string) {
	p.line("")
	for i, l := range wrap(s, p.width, p.width-2) {
		p.line(pad("", 2*min(i, 1)) + p.paint(bold, l))
	}
}

// text writes a text wrapped to the width, every line behind the indent.
func (p *page) text(indent int, s style, text string) { p.labelled(indent, indent, plain, "", s, text) }

// labelled writes a label, which is not broken, and a text wrapped to the width behind it. The first line is indented by
// first, the others by rest.
func (p *page) labelled(first, rest int, ls style, label string, s style, text string) {
	for i, l := range wrap(text, p.width-first-width(painted.ReplaceAllString(label, "")), p.width-rest) {
		if i == 0 {
			p.line(pad("", first) + p.paint(ls, label) + p.paint(s, l))
		} else {
			p.line(pad("", rest) + p.paint(s, l))
		}
	}
}

// style is a way to show a word on a terminal.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

func (p *page) paint(s style, text string) string { return paint(p.color, s, text) }

func paint(color bool, s style, text string) string {
	if !color || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

func wrap(text string, first, rest int) []string { return termtext.Wrap(text, first, rest) }

func cut(s string, n int) string { return termtext.Cut(s, n) }

func width(s string) int { return termtext.Width(s) }

func pad(s string, n int) string { return termtext.Pad(s, n) }

// clean makes text from an application harmless for a terminal.
func clean(s string) string { return safetext.Line(s) }

// painted matches the codes that paint writes.
var painted = regexp.MustCompile(`\x1b\[[0-9]*m`)
