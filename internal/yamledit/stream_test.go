package yamledit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A line ends at CR LF, LF, CR, NEL, LS and PS, and nowhere else.
func TestLineBreak(t *testing.T) {
	for _, c := range []struct {
		text       string
		at         int
		end, width int
	}{
		{"", 0, 0, 0},
		{"a", 0, 1, 0},
		{"a\nb", 0, 1, 1},
		{"a\nb", 1, 1, 1},
		{"a\nb", 2, 3, 0},
		{"a\r\nb", 0, 1, 2},
		{"a\r\nb", 2, 2, 1},
		{"a\rb", 0, 1, 1},
		{"a\r", 0, 1, 1},
		{"\r\r\n", 0, 0, 1},
		{"a\u0085b", 0, 1, 2},
		{"a\u2028b", 0, 1, 3},
		{"a\u2029b", 0, 1, 3},
		{"é\n", 0, 2, 1},
		{"\u2030\n", 0, 3, 1},
		{"\u2027\u202a\n", 0, 6, 1},
		{"\u0084\u0086\n", 0, 4, 1},
		{"\x0b\x0c\n", 0, 2, 1}, // not line breaks
		{"a\xc2", 0, 2, 0},
		{"a\xe2\x80", 0, 3, 0},
	} {
		if end, width := lineBreak([]byte(c.text), c.at); end != c.end || width != c.width {
			t.Errorf("%q from %d: the line ends at %d with a break of %d, want %d and %d", c.text, c.at, end, width, c.end, c.width)
		}
	}
}

func TestSplit(t *testing.T) {
	for source, want := range map[string]string{
		"":                                  "",
		"a: 1\n":                            "0:a: 1\n",
		"---\na\n---\nb\n":                  "0:---\na\n|2:---\nb\n",
		"# c\n---\na\n":                     "0:# c\n|1:---\na\n",
		"a\n...\nb\n":                       "0:a\n...\n|2:b\n",
		"---a\n--- b\n":                     "0:---a\n|1:--- b\n",
		"a: |\n  ---\n":                     "0:a: |\n  ---\n",
		"%YAML 1.1\n---\na\n---\nb\n":       "0:%YAML 1.1\n---\na\n|3:---\nb\n",
		"a\r---\rb\r":                       "0:a\r|1:---\rb\r",
		"a\r\n---\r\nb\r\n":                 "0:a\r\n|1:---\r\nb\r\n",
		"\ufeffa\n":                         "0:a\n",
		"---\n%YAML 1.1\n---\na\n":          "0:---\n|1:%YAML 1.1\n---\na\n",
		"a\n...\n# c\n%YAML 1.1\n---\nb\n":  "0:a\n...\n|2:# c\n%YAML 1.1\n---\nb\n",
		"a: |\n%not a directive\nb: text\n": "0:a: |\n%not a directive\nb: text\n",
		"a\n...\n# c\n---\nb\n":             "0:a\n...\n|2:# c\n|3:---\nb\n",
		"---":                               "0:---",
		"# c\n%YAML 1.1\n---\na\n":          "0:# c\n%YAML 1.1\n---\na\n",
		"a\n%YAML 1.1\n\n# c\n---\nb\n":     "0:a\n|1:%YAML 1.1\n\n# c\n---\nb\n",
		"a\n%YAML 1.1\n%TAG ! !a\n---\nb\n---\nc\n": "0:a\n|1:%YAML 1.1\n%TAG ! !a\n---\nb\n|5:---\nc\n",
		"a: |\n%text\n":               "0:a: |\n%text\n",
		"a\n...\n%YAML 1.1\n---\nb\n": "0:a\n...\n|2:%YAML 1.1\n---\nb\n",
		"a\u2028---\u2028b":           "0:a\u2028---\u2028b", // a marker ends at a blank, CR or LF
	} {
		var got []string
		offset := len(source) - len(strings.TrimPrefix(source, "\ufeff"))
		for _, c := range Split([]byte(source)) {
			got = append(got, fmt.Sprintf("%d:%s", c.Line, c.Text))
			if c.Offset != offset {
				t.Errorf("%q: a document starts at %d, want %d", source, c.Offset, offset)
			}
			offset += len(c.Text)
		}
		if joined := strings.Join(got, "|"); joined != want {
			t.Errorf("%q:\ngot  %q\nwant %q", source, joined, want)
		}
	}
}

func TestStartsDocument(t *testing.T) {
	for source, want := range map[string]bool{
		"---\na": true, "# c\n\n---\na": true, "%YAML 1.1\n---\n": true, "a: 1\n---\n": false, "": false, "# c\n": false, "--- a": true, "---a": false,
	} {
		if got := StartsDocument([]byte(source)); got != want {
			t.Errorf("%q: %v", source, got)
		}
	}
}

// An edit of a place is nested into the path to it, whatever the document has there.
func TestNest(t *testing.T) {
	steps, err := ParsePath("a.items[2].b")
	if err != nil {
		t.Fatal(err)
	}
	if got := pathOf(steps); got != ".a.items[2].b" {
		t.Errorf("pathOf is %s", got)
	}
	got := fmt.Sprint(nest(steps, nil))
	if want := "[{a [{items {[{2 [{b []}]}] [] []}}]}]"; got != want {
		t.Errorf("nest is %s, want %s", got, want)
	}
}

func TestPatchesInOrder(t *testing.T) {
	patches := []Patch{{4, 6, "R", 1}, {4, 4, "shallow", 1}, {4, 4, "deep", 3}, {4, 4, "deep again", 3}, {0, 1, "first", 0}}
	var got []string
	for _, p := range inOrder(patches) {
		got = append(got, p.Text)
	}
	if want := []string{"first", "deep", "deep again", "shallow", "R"}; !slices.Equal(got, want) {
		t.Errorf("the order is %q", got)
	}
	for _, bad := range [][]Patch{{{0, 3, "", 0}, {2, 4, "", 0}}, {{3, 2, "", 0}}, {{0, 9, "", 0}}} {
		if _, err := Apply([]byte("abcdef"), bad); err == nil {
			t.Errorf("%v is applied", bad)
		}
	}
}
