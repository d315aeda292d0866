package emit

import (
	"strconv"
	"strings"
)

// A value to be written as YAML is one of: string, int64, bool, object, []any, and where it came from a manifest also
// uint64, float64 and nil. An object keeps the order of its fields,
// so that the same profile always gives the same bytes.
type (
	object []field
	field  struct {
		key string
		val any
	}
)

// blockFields renders the fields of a mapping as lines, each key at the given column.
func (s style) blockFields(o object, column int) []string {
	var lines []string
	for _, f := range o {
		lines = append(lines, s.blockField(f, column)...)
	}
	return lines
}

func (s style) blockField(f field, column int) []string {
	head := spaces(column) + scalar(f.key) + ":"
	switch v := f.val.(type) {
	case object:
		if len(v) > 0 {
			return append([]string{head}, s.blockFields(v, column+s.step)...)
		}
	case []any:
		if len(v) > 0 {
			return append([]string{head}, s.blockItems(v, column+s.dash)...)
		}
	}
	return []string{head + " " + flow(f.val, false)}
}

// blockItems renders the items of a sequence as lines, each dash at the given column.
func (s style) blockItems(items []any, column int) []string {
	var lines []string
	dash := spaces(column) + "-" + spaces(s.gap-1)
	for _, item := range items {
		o, ok := item.(object)
		if !ok || len(o) == 0 {
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
	case object:
		to = append(to, '{')
		for i, f := range v {
			if i > 0 {
				to = append(to, ", "...)
			}
			to = append(appendFlow(to, f.key, json), ": "...)
			to = appendFlow(to, f.val, json)
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

func flowFields(o object, json bool) []string {
	parts := make([]string, len(o))
	for i, f := range o {
		parts[i] = flow(f.key, json) + ": " + flow(f.val, json)
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

// scalar renders a string, quoted only where YAML would read something else.
func scalar(s string) string {
	if isPlain(s) && !isOther(s) || isQuantity(s) {
		return s
	}
	return quoted(s)
}

// isPlain is a deliberately narrow idea of what needs no quotes, in block and in flow context: words of safe characters
// with single blanks between them, the first of which is no indicator.
func isPlain(s string) bool {
	if s == "" || s == "-" || strings.IndexByte("%@:", s[0]) >= 0 || strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...") {
		return false
	}
	for word := range strings.SplitSeq(s, " ") {
		if !isPlainWord(word) {
			return false
		}
	}
	return !strings.Contains(s, " -") && !strings.HasPrefix(s, "- ")
}

// isPlainWord tells whether a word can stand in a plain scalar: a colon only within it.
func isPlainWord(w string) bool {
	if w == "" || w[0] == ':' || w[len(w)-1] == ':' {
		return false
	}
	for i := range len(w) {
		c := w[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte("_/.$%+=@-:", c) < 0 {
			return false
		}
	}
	return true
}

// isOther tells whether YAML 1.1 or 1.2 may read a plain scalar as something else than a string. YAML 1.1 matters: the
// Kubernetes tools read "on" and "1_000" and "12:30:45" as a boolean and as numbers.
func isOther(s string) bool {
	number := strings.TrimLeft(s, "+-.")
	if number == "" || number[0] >= '0' && number[0] <= '9' {
		return true
	}
	if len(s) > 6 {
		return false
	}
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<", ".nan", ".inf", "+.inf", "-.inf":
		return true
	}
	return false
}

// isQuantity tells whether a string is a size, which starts with a digit and is a string nevertheless.
func isQuantity(s string) bool {
	digits := strings.TrimRight(s, "i")
	if len(s)-len(digits) != 1 || len(digits) < 2 || strings.IndexByte("KMGTPE", digits[len(digits)-1]) < 0 {
		return false
	}
	return strings.Trim(digits[:len(digits)-1], "0123456789") == ""
}

// quoted prefers single quotes, in which nothing needs escaping but the quote itself.
func quoted(s string) string {
	for _, r := range s {
		if r == '\'' || r < ' ' || r > '~' {
			return doubleQuoted(s)
		}
	}
	return "'" + s + "'"
}

// doubleQuoted writes a string in double quotes with the escapes that JSON and YAML share.
func doubleQuoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r >= ' ' && r <= '~' || r >= 0xa1 && r < 0x2000:
			b.WriteRune(r)
		case r > 0xffff: // as JSON does it: YAML readers of the Kubernetes tools take the rune itself
			b.WriteRune(r)
		default:
			b.WriteString(`\u` + hex4(r))
		}
	}
	b.WriteByte('"')
	return b.String()
}

func hex4(r rune) string {
	h := strconv.FormatInt(int64(r), 16)
	return strings.Repeat("0", 4-len(h)) + h
}

func spaces(n int) string { return strings.Repeat(" ", max(n, 0)) }
