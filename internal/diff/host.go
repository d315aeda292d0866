package diff

import (
	"slices"
	"strings"
)

// OnAnyHost returns the list with paths that equal those of a run with another passing name.
func (l List) OnAnyHost() List {
	l = slices.Clone(l)
	for i := range l {
		l[i].Path = OnAnyHost(l[i].Path, l[i].Passing)
	}
	return l
}

// OnAnyHost returns a text with "(host)" in place of a name that only one run has; with no name, the text. The name is replaced
// where it is not a part of a longer word.
func OnAnyHost(text, name string) string {
	var b strings.Builder
	for {
		i := indexWord(text, name)
		if i < 0 {
			return b.String() + text
		}
		b.WriteString(text[:i] + "(host)")
		text = text[i+len(name):]
	}
}

// indexWord returns the index of the first place in a text where a name is not a part of a longer word; -1 if there is none.
func indexWord(text, name string) int {
	if name == "" {
		return -1
	}
	for from := 0; ; {
		i := strings.Index(text[from:], name)
		if i < 0 {
			return -1
		}
		start, end := from+i, from+i+len(name)
		if (start == 0 || !alphanumeric(text[start-1])) && (end == len(text) || !alphanumeric(text[end])) {
			return start
		}
		from = start + 1
	}
}

// alphanumeric reports whether a byte is an ASCII letter or digit.
func alphanumeric(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
}
