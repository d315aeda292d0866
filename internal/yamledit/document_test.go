package yamledit

import (
	"strings"
	"testing"
)

// TestTabs: an indentation with a tab is named with its line, the last line without a line end included.
func TestTabs(t *testing.T) {
	for source, want := range map[string]string{
		"a:\n\tb: 1\nc: 2\n": "in:2: not YAML: the line is indented with a tab: use spaces",
		"a:\n\tb: 1":         "in:2: not YAML: the line is indented with a tab: use spaces",
		"a:\n  \tb: 1\n":     "in:2: not YAML: the line is indented with a tab: use spaces",
		"a: [1\n":            "in:1: not YAML: ",
	} {
		_, err := Parse("in", 0, Chunk{Text: []byte(source)})
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "tab") != strings.Contains(want, "tab") {
			t.Errorf("%q: %v, want %s", source, err, want)
		}
	}
}
