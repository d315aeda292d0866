package yamledit

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Error is what is wrong with a manifest, and where.
type Error struct {
	File   string
	Line   int // from 1; 0 where no line is to blame
	Reason string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Reason
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason)
}

// ForeignError is the error of a source that is no stream of Kubernetes objects at all: it is not YAML text, or its values
// are no objects. It wraps an *Error.
type ForeignError struct{ err *Error }

func (e *ForeignError) Error() string { return e.err.Error() }

// Unwrap returns the error with its place.
func (e *ForeignError) Unwrap() error { return e.err }

// Foreign returns a ForeignError about a line of a file; the line is 0 where no line is to blame.
func Foreign(file string, line int, format string, args ...any) error {
	return &ForeignError{&Error{file, line, fmt.Sprintf(format, args...)}}
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// Chunk is the source of one document of a stream.
type Chunk struct {
	Offset int // of Text in the stream, in bytes
	Line   int // lines of the stream before it
	Text   []byte
}

// Split cuts a stream into its documents. A line that starts with "---" or "..." and a blank is a boundary wherever it
// stands: YAML allows it in no scalar, a block scalar's lines being indented.
func Split(src []byte) []Chunk {
	var chunks []Chunk
	start, line, startLine := 0, 0, 0
	directives := false // the open chunk has a directive, which belongs to the "---" after it
	if bytes.HasPrefix(src, byteOrderMark) {
		start = len(byteOrderMark)
	}
	cut := func(at int) {
		if at > start {
			chunks = append(chunks, Chunk{start, startLine, src[start:at]})
		}
		start, startLine, directives = at, line, false
	}
	fresh := true // nothing but blanks, comments and directives since the last boundary
	for at := start; at < len(src); {
		next := nextLine(src, at)
		switch text := src[at:next]; {
		case isMarker(text, "---"):
			if !directives {
				cut(at)
			}
			fresh, directives = false, false
		case isMarker(text, "..."):
			line++
			cut(next)
			line--
			fresh = true
		case text[0] == '%' && (fresh || startsDirectives(src[at:])):
			if !fresh {
				cut(at)
			}
			fresh, directives = true, true
		default:
			if trimmed := bytes.TrimLeft(text, " \t\r\n"); len(trimmed) > 0 && trimmed[0] != '#' {
				fresh = false
			}
		}
		at = next
		line++
	}
	cut(len(src))
	return chunks
}

// startsDirectives reports whether a source starts with directives: lines with "%" before a "---". The parser accepts them
// after a document that no "..." ends.
func startsDirectives(src []byte) bool {
	for at := 0; at < len(src); at = nextLine(src, at) {
		line := src[at:nextLine(src, at)]
		if isMarker(line, "---") {
			return true
		}
		if trimmed := bytes.TrimLeft(line, " \t\r\n"); len(trimmed) > 0 && trimmed[0] != '#' && line[0] != '%' {
			return false
		}
	}
	return false
}

// StartsDocument reports whether the first line that is no comment begins a document by itself, or is a directive.
func StartsDocument(src []byte) bool {
	for at := 0; at < len(src); at = nextLine(src, at) {
		line := src[at:]
		if trimmed := bytes.TrimLeft(line[:nextLine(line, 0)], " \t\r\n"); len(trimmed) == 0 || trimmed[0] == '#' {
			continue
		}
		return isMarker(line, "---") || line[0] == '%'
	}
	return false
}

func isMarker(line []byte, marker string) bool {
	return bytes.HasPrefix(line, []byte(marker)) &&
		(len(line) == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r' || line[3] == '\n')
}

// nextLine returns the offset of the line after the one at an offset. The breaks are those of YAML 1.1, which the parser
// counts: CR LF, LF, CR, NEL, LS and PS.
func nextLine(src []byte, at int) int {
	end, width := lineBreak(src, at)
	return end + width
}

// lineBreak finds the end of the line at an offset, and the width of the break there (0 at the end of the source).
func lineBreak(src []byte, at int) (end, width int) {
	for i := at; i < len(src); i++ {
		switch c := src[i]; {
		case c > '\r' && c < 0xc2: // most bytes
		case c == '\n':
			return i, 1
		case c == '\r' && i+1 < len(src) && src[i+1] == '\n':
			return i, 2
		case c == '\r':
			return i, 1
		case c == 0xc2 && i+1 < len(src) && src[i+1] == 0x85:
			return i, 2
		case c == 0xe2 && i+2 < len(src) && src[i+1] == 0x80 && (src[i+2] == 0xa8 || src[i+2] == 0xa9):
			return i, 3
		}
	}
	return len(src), 0
}

// CheckEncoding returns an error with its line for a source that is not UTF-8.
func CheckEncoding(file string, src []byte) error {
	if bytes.HasPrefix(src, []byte("\xff\xfe")) || bytes.HasPrefix(src, []byte("\xfe\xff")) {
		return Foreign(file, 1, "this is UTF-16; save it as UTF-8")
	}
	if utf8.Valid(src) {
		return nil
	}
	line, at := 1, nextLine(src, 0)
	for utf8.Valid(src[:at]) {
		line, at = line+1, nextLine(src, at)
	}
	return Foreign(file, line, "not UTF-8 text")
}
