package yamledit

import (
	"strconv"
	"strings"
)

// scalar renders a string, quoted only where YAML would read something else.
func scalar(s string) string {
	if isPlain(s) && !isOther(s) || isQuantity(s) {
		return s
	}
	return quoted(s)
}

// isPlain reports whether a string needs no quotes in block and in flow context. The rule is deliberately narrow: words of
// safe characters with single blanks between them, and no indicator first.
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

// isPlainWord reports whether a word can stand in a plain scalar: a colon only within it.
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

// isOther reports whether YAML 1.1 or 1.2 may read a plain scalar as something else than a string. YAML 1.1 matters: the
// Kubernetes tools read "on" and "1_000" and "12:30:45" as a boolean and as numbers.
func isOther(s string) bool {
	number := strings.TrimLeft(s, "+-.")
	if number == "" || number[0] >= '0' && number[0] <= '9' {
		return true
	}
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<", ".nan", ".inf", "+.inf", "-.inf":
		return true
	}
	return false
}

// isQuantity reports whether a string is an amount with a suffix, such as 64Mi, 2G or 500m, which starts with a digit and is
// a string nevertheless. The suffix alone is a string as well.
func isQuantity(s string) bool {
	switch strings.TrimLeft(s, "0123456789") {
	case "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei":
		return true
	}
	return false
}

// quoted puts a string in quotes. It prefers single ones: nothing needs escaping in them but the quote itself.
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
