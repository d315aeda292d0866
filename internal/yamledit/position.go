package yamledit

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

const quotedStyle = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle

// Start returns where a node's own text starts in Text, after its anchor and tag: the quote, the bracket, the first key, the
// first dash.
func (d *Document) Start(n *yaml.Node) (int, error) {
	at, err := d.Position(n)
	if err != nil {
		return 0, err
	}
	for at < len(d.Text) && (d.Text[at] == '&' || d.Text[at] == '!') {
		if n.Anchor == "" && n.Style&yaml.TaggedStyle == 0 {
			break
		}
		at = skipProperty(d.Text, at)
		if isEmpty(n) {
			if next := skipBlanks(d.Text, at); next < len(d.Text) && (d.Text[next] == '&' || d.Text[next] == '!') {
				at = next
			}
			continue
		}
		at = skipTrivia(d.Text, at)
	}
	return at, nil
}

// isEmpty reports whether a node has no text: "key:" and nothing after it.
func isEmpty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style&(quotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
}

func skipProperty(text []byte, at int) int {
	if bytes.HasPrefix(text[at:], []byte("!<")) {
		if end := bytes.IndexByte(text[at:], '>'); end > 0 {
			return at + end + 1
		}
	}
	for at < len(text) && !bytes.ContainsRune([]byte(" \t\r\n,[]{}"), rune(text[at])) {
		at++
	}
	return at
}

func skipBlanks(text []byte, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\t') {
		at++
	}
	return at
}

// skipTrivia skips blanks, line breaks and comments.
func skipTrivia(text []byte, at int) int {
	for at < len(text) {
		end, width := lineBreak(text, at)
		switch {
		case text[at] == ' ' || text[at] == '\t':
			at++
		case text[at] == '#':
			at = end
		case end == at:
			at += width
		default:
			return at
		}
	}
	return at
}

// End returns where a node's text ends in Text. The indent is the column of the collection that holds the node: a block
// scalar's own indent may be given relative to it.
func (d *Document) End(n *yaml.Node, indent int) (int, error) {
	start, err := d.Start(n)
	if err != nil {
		return 0, err
	}
	switch {
	case n.Kind == yaml.AliasNode:
		return start + 1 + len(n.Value), nil
	case n.Kind == yaml.ScalarNode:
		return d.scalarEnd(n, start, indent)
	case n.Style&yaml.FlowStyle != 0 && (d.Text[start] == '{' || d.Text[start] == '['):
		return d.flowEnd(n, start)
	case len(n.Content) == 0:
		return start, nil
	default:
		return d.End(n.Content[len(n.Content)-1], d.Column(start))
	}
}

// flowEnd returns the offset after the closing bracket. It follows the last child, but for blanks, comments and a comma.
func (d *Document) flowEnd(n *yaml.Node, start int) (int, error) {
	at := start + 1
	if len(n.Content) > 0 {
		end, err := d.End(n.Content[len(n.Content)-1], d.Column(start))
		if err != nil {
			return 0, err
		}
		at = end
	}
	for at = skipTrivia(d.Text, at); at < len(d.Text) && d.Text[at] == ','; {
		at = skipTrivia(d.Text, at+1)
	}
	if at >= len(d.Text) || (d.Text[at] != '}' && d.Text[at] != ']') {
		return 0, d.Fail(n, "no end of this flow collection was found")
	}
	return at + 1, nil
}

func (d *Document) scalarEnd(n *yaml.Node, start, indent int) (int, error) {
	switch {
	case isEmpty(n):
		return start, nil
	case n.Style&yaml.DoubleQuotedStyle != 0:
		for at := start + 1; at < len(d.Text); at++ {
			switch d.Text[at] {
			case '\\':
				at++
			case '"':
				return at + 1, nil
			}
		}
	case n.Style&yaml.SingleQuotedStyle != 0:
		for at := start + 1; at < len(d.Text); at++ {
			if d.Text[at] != '\'' {
				continue
			}
			if at+1 == len(d.Text) || d.Text[at+1] != '\'' {
				return at + 1, nil
			}
			at++
		}
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return d.blockScalarEnd(start, indent), nil
	default:
		return d.plainEnd(n, start)
	}
	return 0, d.Fail(n, "no end of this scalar was found")
}

// plainEnd matches a plain scalar's value: folding a scalar of several lines changes nothing but its blanks.
func (d *Document) plainEnd(n *yaml.Node, start int) (int, error) {
	at, end := start, start
	for i := 0; i < len(n.Value); i++ {
		c := n.Value[i]
		if isBlank(c) {
			continue
		}
		for at < len(d.Text) && isBlank(d.Text[at]) {
			at++
		}
		if at >= len(d.Text) || d.Text[at] != c {
			return 0, d.Fail(n, "no end of this scalar was found")
		}
		at++
		end = at
	}
	return end, nil
}

func isBlank(c byte) bool { return strings.IndexByte(" \t\r\n", c) >= 0 }

// blockScalarEnd returns the end of the last line of a literal or folded scalar. With "+" its trailing empty lines are
// content too.
func (d *Document) blockScalarEnd(start, parent int) int {
	end := d.LineEnd(start)
	header, _, _ := bytes.Cut(d.Text[start:end], []byte("#"))
	keep := bytes.ContainsRune(header, '+')
	indent := -1
	for _, c := range header {
		if c >= '1' && c <= '9' {
			indent = max(parent, 0) + int(c-'0')
		}
	}
	for at := nextLine(d.Text, start); at < len(d.Text); at = nextLine(d.Text, at) {
		lineEnd := d.LineEnd(at)
		text := d.Text[at:lineEnd]
		column := len(text) - len(bytes.TrimLeft(text, " "))
		if column == len(text) && (indent < 0 || column <= indent) {
			if keep {
				end = lineEnd
			}
			continue
		}
		if indent < 0 {
			indent = max(column, parent+1)
		}
		if column < indent {
			break
		}
		end = lineEnd
	}
	return end
}

// lineBefore returns where the line before the one of an offset ends, before its line break. The offset must not be on
// the first line.
func lineBefore(d *Document, at int) int {
	return d.LineEnd(d.lineStart(d.lineStart(at) - 1))
}

// LineAfter returns the end of the line after which new lines at a column continue the block collection whose last text
// ends at an offset. Comments below that belong to the collection stay with it: those that are indented at least as it
// is and deeper than what follows.
func (d *Document) LineAfter(end, column int) (int, error) {
	last := d.LineEnd(end)
	if rest := bytes.TrimLeft(d.Text[end:last], " \t"); len(rest) > 0 && rest[0] != '#' {
		line := 1 + d.before + bytes.Count(d.Text[:end], []byte("\n"))
		return 0, &Error{d.File, line, "something stands on the line on which a block ends"}
	}
	var comments []struct{ column, end int }
	next := -1
	for at := nextLine(d.Text, end); at < len(d.Text); at = nextLine(d.Text, at) {
		lineEnd := d.LineEnd(at)
		text := bytes.TrimLeft(d.Text[at:lineEnd], " ")
		indent := lineEnd - at - len(text)
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		if text[0] != '#' {
			if !isMarker(d.Text[at:lineEnd], "...") {
				next = indent
			}
			break
		}
		comments = append(comments, struct{ column, end int }{indent, lineEnd})
	}
	for _, c := range comments {
		if c.column < column || c.column <= next {
			break
		}
		last = c.end
	}
	return last, nil
}
