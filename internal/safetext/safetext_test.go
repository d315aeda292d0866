package safetext

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"plain text, grüße, 日本":    "plain text, grüße, 日本",
		"a\x1b[31mred\x1b[0m":      "ared",
		"a\x1b]0;title\x07b":       "ab",
		"a\x1b\x1b[m[31mb":         `a\u001b[31mb`, // what is left of a nested sequence is spelled out
		"two\nlines\ttab\r":        `two\nlines tab\u000d`,
		"bell\x07 nul\x00 del\x7f": `bell\u0007 nul\u0000 del\u007f`,
		"c1 \u009b31m":             `c1 \u009b31m`,
		"byte \x9b31m":             `byte \x9b31m`,
		"bidi \u202egpj.exe":       `bidi \u202egpj.exe`,
		"isolate \u2066x\u2069":    `isolate \u2066x\u2069`,
		"zero\u200bwidth \ufeff":   `zero\u200bwidth \ufeff`,
		"tag \U000e0041":           `tag \U000e0041`,
		"replaced \uFFFD":          "replaced \uFFFD",
	} {
		if got := Line(in); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTextKeepsLines(t *testing.T) {
	if got, want := Text("one\r\n\ttwo\x1b[2J\u202e\r\n\r"), "one\r\n\ttwo\\u202e\r\n\\u000d"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestJSON(t *testing.T) {
	const source = "{\"a\":\"x\u202ey\x7f\u0085\U000e0041 grüße\"}"
	got := JSON([]byte(source))
	if want := `{"a":"x\u202ey\u007f\u0085\udb40\udc41 grüße"}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzLine(f *testing.F) {
	for _, s := range []string{"a", "\x1b[1m", "\u202e", "\x9b", "a\nb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Line(s)
		if i := strings.IndexFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("Line(%q) = %q: %q cannot be printed", s, got, got[i:])
		}
		if again := Line(got); again != got {
			t.Errorf("Line(%q) = %q, and then %q", s, got, again)
		}
	})
}

func FuzzJSON(f *testing.F) {
	f.Add("a\u202e\x7f")
	f.Add("\U000e0041\x80")
	f.Fuzz(func(t *testing.T, s string) {
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var before, after string
		if err := json.Unmarshal(data, &before); err != nil {
			t.Fatal(err)
		}
		got := JSON(data)
		if err := json.Unmarshal(got, &after); err != nil || before != after {
			t.Errorf("JSON changed %q to %q (%v)", before, after, err)
		}
		if strings.IndexFunc(string(got), func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
			t.Errorf("%q holds what cannot be printed", got)
		}
	})
}
