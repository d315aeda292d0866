package report

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"github.com/podseal/podseal/internal/seal"
)

// TestNoViewHoldsControlCharacters gives each view a text with characters that change what a terminal shows.
func TestNoViewHoldsControlCharacters(t *testing.T) {
	res := seal.Result{Verdict: seal.NotSealable, Why: "x\x1b[2J \u202e \x7f \u009b31m y"}
	r := New(res)
	for name, write := range map[string]func(*bytes.Buffer) error{
		"text":     func(b *bytes.Buffer) error { return r.Text(b, TextOptions{}) },
		"JSON":     func(b *bytes.Buffer) error { return r.JSON(b) },
		"Markdown": func(b *bytes.Buffer) error { return r.Markdown(b) },
		"several":  func(b *bytes.Buffer) error { return NewSeveral([]Report{r, r}).JSON(b) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if i := strings.IndexFunc(b.String(), func(c rune) bool { return c != '\n' && !unicode.IsPrint(c) }); i >= 0 {
			t.Errorf("%s: %q", name, b.String()[i:min(b.Len(), i+20)])
		}
	}
}
