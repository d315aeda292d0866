package strictyaml

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/podseal/podseal/internal/spelling"
)

// Problem is one fault of a file, and where it is.
type Problem struct {
	File string
	Place
	Text string
}

// NewProblem returns a problem at a place of a file.
func NewProblem(file string, at Place, format string, args ...any) Problem {
	return Problem{file, at, fmt.Sprintf(format, args...)}
}

// Error returns FILE:LINE:COLUMN: TEXT.
func (p Problem) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// Problems are the faults of a file. As an error there is at least one.
type Problems []Problem

// Err returns the problems as an error, in the order of the file; nil if there are none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	slices.SortStableFunc(p, func(a, b Problem) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return p
}

// Error returns the first fault, and how many follow.
func (p Problems) Error() string {
	text := p[0].Error()
	if more := len(p) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// Suggestion returns the nearest of the known names as a question, for the end of a problem; empty if none is near.
func Suggestion[V any](name string, known map[string]V) string {
	if nearest, ok := spelling.Nearest(name, maps.Keys(known)); ok {
		return fmt.Sprintf(": did you mean %s?", nearest)
	}
	return ""
}
