package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/spelling"
)

// Problem is one fault of a file, and where it is.
type Problem struct {
	File         string
	Line, Column int
	Text         string
}

// Error returns FILE:LINE:COLUMN: TEXT.
func (p Problem) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// Problems are the faults of a file, in its order. There is at least one.
type Problems []Problem

// Error returns the first fault, and how many follow.
func (p Problems) Error() string {
	text := p[0].Error()
	if more := len(p) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more: `podseal config verify` lists them)", more)
	}
	return text
}

// sorted returns the problems in the order of the file.
func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return p
}

// problem returns a problem of the value at a path.
func (f *File) problem(path, format string, args ...any) Problem {
	at := f.Place(path)
	return Problem{f.name, at.Line, at.Column, fmt.Sprintf(format, args...)}
}

// childPath returns the path of a key below a path. Keys with other characters than those of identifiers are quoted.
func childPath(path, key string) string {
	if strings.ContainsAny(key, ".[]\"") {
		return path + "[" + strconv.Quote(key) + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// parentPath returns a path without its last step.
func parentPath(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}

// lastStep returns the last key of a path; an item of a list is named with its index.
func lastStep(path string) string {
	return path[strings.LastIndexByte(path, '.')+1:]
}

// suggestion returns the nearest of the known names as a question; empty if none is near.
func suggestion[V any](name string, known map[string]V) string {
	if nearest, ok := spelling.Nearest(name, maps.Keys(known)); ok {
		return fmt.Sprintf(": did you mean %s?", nearest)
	}
	return ""
}
