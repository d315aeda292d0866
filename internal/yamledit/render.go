package yamledit

import (
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/tree"
)

// blockFields renders the fields of a mapping as lines, each key at the given column.
func (s Style) blockFields(o tree.Object, column int) []string {
	var lines []string
	for _, f := range o {
		lines = append(lines, s.blockField(f, column)...)
	}
	return lines
}

func (s Style) blockField(f tree.Field, column int) []string {
	head := spaces(column) + scalar(f.Key) + ":"
	switch v := f.Value.(type) {
	case tree.Object:
		if len(v) > 0 {
			return append([]string{head}, s.blockFields(v, column+s.step)...)
		}
	case []any:
		if len(v) > 0 {
			return append([]string{head}, s.blockItems(v, column+s.dash)...)
		}
	}
	return []string{head + " " + flow(f.Value, false)}
}

// blockItems renders the items of a sequence as lines, each dash at the given column.
func (s Style) blockItems(items []any, column int) []string {
	var lines []string
	dash := spaces(column) + "-" + spaces(s.gap-1)
	for _, item := range items {
		o, _ := item.(tree.Object)
		if len(o) == 0 {
			lines = append(lines, dash+flow(item, false))
			continue
		}
		inner := s.blockFields(o, column+s.gap)
		inner[0] = dash + inner[0][column+s.gap:]
		lines = append(lines, inner...)
	}
	return lines
}

// flow renders a value on one line. With json, strings and keys are always in double quotes.
func flow(v any, json bool) string { return string(appendFlow(nil, v, json)) }

// appendFlow renders a value behind what is there.
func appendFlow(to []byte, v any, json bool) []byte {
	switch v := v.(type) {
	case tree.Object:
		to = append(to, '{')
		for i, f := range v {
			if i > 0 {
				to = append(to, ", "...)
			}
			to = append(appendFlow(to, f.Key, json), ": "...)
			to = appendFlow(to, f.Value, json)
		}
		return append(to, '}')
	case []any:
		to = append(to, '[')
		for i, item := range v {
			if i > 0 {
				to = append(to, ", "...)
			}
			to = appendFlow(to, item, json)
		}
		return append(to, ']')
	case string:
		return append(to, flowString(v, json)...)
	case int64:
		return strconv.AppendInt(to, v, 10)
	case bool:
		return strconv.AppendBool(to, v)
	case uint64:
		return strconv.AppendUint(to, v, 10)
	case float64:
		return strconv.AppendFloat(to, v, 'g', -1, 64)
	default:
		return append(to, "null"...)
	}
}

func flowString(s string, json bool) string {
	switch {
	case json:
		return doubleQuoted(s)
	case strings.ContainsAny(s, ",[]{}"):
		return quoted(s)
	}
	return scalar(s)
}

func flowFields(o tree.Object, json bool) []string {
	parts := make([]string, len(o))
	for i, f := range o {
		parts[i] = flow(f.Key, json) + ": " + flow(f.Value, json)
	}
	return parts
}

func flowItems(items []any, json bool) []string {
	parts := make([]string, len(items))
	for i, item := range items {
		parts[i] = flow(item, json)
	}
	return parts
}

func spaces(n int) string { return strings.Repeat(" ", max(n, 0)) }

// Text returns a value as a YAML document in the default style.
func Text(o tree.Object) []byte {
	return []byte(strings.Join(DefaultStyle().blockFields(o, 0), "\n") + "\n")
}

// ListText returns a list as a YAML document in the default style.
func ListText(items []any) []byte {
	return []byte(strings.Join(DefaultStyle().blockItems(items, 0), "\n") + "\n")
}

// Inline returns a value as YAML on one line.
func Inline(v any) string { return flow(v, false) }

// JSON returns a value as JSON on one line.
func JSON(v any) string { return flow(v, true) }
