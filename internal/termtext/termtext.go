// Package termtext lays out text for a terminal: widths in columns, where a wide character takes two, and lines that are
// broken at spaces.
package termtext

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// columns measures independently of the locale, so that equal texts give equal lines everywhere.
var columns = runewidth.Condition{StrictEmojiNeutral: true}

// Width returns how many columns a text takes.
func Width(s string) int { return columns.StringWidth(s) }

// Pad appends spaces up to a width.
func Pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-Width(s))) }

// Cut shortens a text to a width. It marks the place with "...".
func Cut(s string, n int) string {
	if Width(s) <= n {
		return s
	}
	return strings.TrimRight(columns.Truncate(s, max(n-3, 0), ""), " ,;:") + "..."
}

// Wrap breaks a text at spaces into lines, the first of at most first columns, the others of at most rest. A word that is
// longer keeps its own line: paths and digests must stay in one piece.
func Wrap(text string, first, rest int) []string {
	var lines []string
	line, room := "", first
	for _, word := range strings.Fields(text) {
		switch {
		case line == "" && len(lines) == 0 && Width(word) > room && room < rest:
			lines, line, room = append(lines, ""), word, rest
		case line == "":
			line = word
		case Width(line)+1+Width(word) <= room:
			line += " " + word
		default:
			lines, line, room = append(lines, line), word, rest
		}
	}
	return append(lines, line)
}
