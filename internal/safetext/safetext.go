// Package safetext makes text from images, containers and files harmless for terminals, logs and JSON readers.
//
// A path, a label or a log line can hold terminal escape sequences, control characters (C0, DEL, C1) and Unicode
// formatting characters such as U+202E, which reverses the order of what follows on the screen. Every text that podseal
// shows and did not write itself goes through this package.
package safetext

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// sequence matches the escape sequences of ECMA-48 that have a known end: OSC strings, CSI sequences, two-character ones.
var sequence = regexp.MustCompile(`\x1b(\][^\x07\x1b]*(\x07|\x1b\\)|\[[0-9;:?]*[ -/]*[@-~]|[@-Z\\-_])`)

// Line returns s as one printable line. Escape sequences are removed, a tab becomes a space, a line break becomes `\n`,
// and every other character that cannot be printed is spelled out: `\u202e`, or `\x9b` for a byte that is not UTF-8.
func Line(s string) string { return replace(s, `\n`, " ") }

// Text returns s with its line breaks (CRLF included) and tabs, and is Line in all else.
func Text(s string) string { return replace(s, "\n", "\t") }

// OneLine returns s as one printable line, with a space in the place of each group of line breaks.
func OneLine(s string) string {
	return Line(strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), " "))
}

func replace(s, lineBreak, tab string) string {
	if printable(s) {
		return s
	}
	s = sequence.ReplaceAllString(s, "")
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\n':
			b.WriteString(lineBreak)
		case r == '\r' && lineBreak == "\n" && strings.HasPrefix(s[i:], "\r\n"):
			b.WriteByte('\r')
		case r == '\t':
			b.WriteString(tab)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// printable reports whether s holds only printable characters and valid UTF-8.
func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// JSON returns data, which must be valid JSON, with \uXXXX in place of DEL and of every character beyond ASCII that cannot
// be printed. The value of the text is the same. encoding/json escapes C0 only.
func JSON(data []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(data))
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == 0x7f || r > 0x7f && r <= 0xffff && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		case r > 0xffff && !unicode.IsPrint(r):
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			b.Write(data[:size])
		}
		data = data[size:]
	}
	return b.Bytes()
}
