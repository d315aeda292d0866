// Package yamledit edits YAML without losing a byte that an edit does not name.
//
// The YAML parser finds where nodes stand; the source itself stays what the user wrote. A Document holds both: it
// reports where a node starts and ends in the bytes, and what the node means to the Kubernetes tools. The package knows
// nothing of pods or profiles.
package yamledit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Document is one document of a file, as bytes and as nodes.
type Document struct {
	File   string
	Index  int        // in the file, from 0
	Offset int        // of Text in the file
	Text   []byte     // the document's source, its "---" line included
	Root   *yaml.Node // the top value; nil for an empty document

	before int   // lines of the file before it
	lines  []int // offset in Text of each line

	rootOnce sync.Once // what Root means, worked out once
	root     any
	rootErr  error
}

// Parse parses one document of a stream. The file's name and the document's index in the stream, from 0, are for messages
// and for the Document.
func Parse(file string, index int, c Chunk) (*Document, error) {
	d := &Document{File: file, Index: index, Offset: c.Offset, Text: c.Text, before: c.Line}
	d.lines = make([]int, 0, 1+bytes.Count(d.Text, []byte("\n")))
	for at := 0; at < len(d.Text); at = nextLine(d.Text, at) {
		d.lines = append(d.lines, at)
	}
	if err := checkVersion(d); err != nil {
		return nil, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(d.Text))
	var n yaml.Node
	if err := decoder.Decode(&n); errors.Is(err, io.EOF) {
		return d, nil
	} else if err != nil {
		return nil, d.parseError(err)
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, d.parseError(err)
		}
		return nil, Foreign(file, c.Line+1, "two documents without '---' between them")
	}
	if len(n.Content) == 1 {
		d.Root = n.Content[0]
	}
	return d, nil
}

// checkVersion refuses a directive for another version of YAML than 1.1, which is the one that the Kubernetes tools accept.
func checkVersion(d *Document) error {
	for i, at := range d.lines {
		line := d.Text[at:d.LineEnd(at)]
		if isMarker(line, "---") {
			break
		}
		if words := bytes.Fields(line); len(words) > 1 && line[0] == '%' && string(words[0]) == "%YAML" && string(words[1]) != "1.1" {
			return Foreign(d.File, d.before+i+1, "the document declares YAML %s, but the Kubernetes tools read YAML 1.1 only: remove the directive", words[1])
		}
	}
	return nil
}

// Reparse parses other text as the same document of the file.
func (d *Document) Reparse(text []byte) (*Document, error) {
	return Parse(d.File, d.Index, Chunk{d.Offset, d.before, text})
}

var parserLine = regexp.MustCompile(`^line (\d+): `)

// parseError gives the parser's complaint the line of the file.
func (d *Document) parseError(err error) error {
	reason := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if m := parserLine.FindStringSubmatch(reason); m != nil {
		reason = reason[len(m[0]):]
		line, _ = strconv.Atoi(m[1])
	}
	if d.tabbed(line) {
		reason = "the line is indented with a tab: use spaces"
	}
	return Foreign(d.File, d.before+line, "not YAML: %s", reason)
}

// tabbed reports whether the indentation of a line of the document, from 1, holds a tab.
func (d *Document) tabbed(line int) bool {
	lines := bytes.Split(d.Text, []byte("\n"))
	return line <= len(lines) && bytes.HasPrefix(bytes.TrimLeft(lines[line-1], " "), []byte("\t"))
}

// Line returns the line of the file, from 1, on which a node starts.
func (d *Document) Line(n *yaml.Node) int { return d.before + n.Line }

// Fail returns an error about a node, with its line.
func (d *Document) Fail(n *yaml.Node, format string, args ...any) error {
	return &Error{d.File, d.Line(n), fmt.Sprintf(format, args...)}
}

// Position returns where a node starts in Text, at its anchor or tag if it has one.
func (d *Document) Position(n *yaml.Node) (int, error) {
	if n.Line < 1 || n.Line > len(d.lines) {
		if n.Line == len(d.lines)+1 && n.Column == 1 {
			return len(d.Text), nil
		}
		return 0, d.Fail(n, "the YAML parser gives a position outside the document")
	}
	at := d.lines[n.Line-1]
	for range n.Column - 1 {
		if at >= len(d.Text) {
			return 0, d.Fail(n, "the YAML parser gives a position outside the document")
		}
		_, width := utf8.DecodeRune(d.Text[at:])
		at += width
	}
	return at, nil
}

// Column returns the number of bytes before an offset on its line.
func (d *Document) Column(at int) int { return at - d.lineStart(at) }

// lineStart returns where the line of an offset starts.
func (d *Document) lineStart(at int) int {
	low, high := 0, len(d.lines)
	for low < high {
		if mid := (low + high) / 2; d.lines[mid] <= at {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low == 0 {
		return 0
	}
	return d.lines[low-1]
}

// LineEnd returns where the content of the line at an offset ends, before its line break.
func (d *Document) LineEnd(at int) int {
	end, _ := lineBreak(d.Text, at)
	return end
}

// Break returns the line break that the document uses around an offset.
func (d *Document) Break(at int) string {
	end, width := lineBreak(d.Text, at)
	if width == 0 {
		end, width = lineBreak(d.Text, 0)
	}
	switch b := string(d.Text[end : end+width]); b {
	case "\r\n", "\n", "\r":
		return b
	}
	return "\n"
}
