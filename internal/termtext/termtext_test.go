package termtext_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/termtext"
)

// TestWideCharacters counts two columns for a wide character, and none for one that combines with the one before.
func TestWideCharacters(t *testing.T) {
	for text, want := range map[string]int{"": 0, "/run": 4, "/数据": 5, "e\u0301": 1, "ﾃﾞ": 2} {
		if got := termtext.Width(text); got != want {
			t.Errorf("Width(%q) = %d, want %d", text, got, want)
		}
	}
	if got := termtext.Pad("数", 4); got != "数  " {
		t.Errorf("Pad: %q", got)
	}
	for n, want := range map[int]string{10: "/数据/目录", 9: "/数据/...", 7: "/数...", 3: "..."} {
		if got := termtext.Cut("/数据/目录", n); got != want {
			t.Errorf("Cut to %d: %q, want %q", n, got, want)
		}
	}
	if got := termtext.Wrap("数据 数据 x", 9, 9); !slices.Equal(got, []string{"数据 数据", "x"}) {
		t.Errorf("Wrap: %q", got)
	}
}

// FuzzWrap makes sure that no word is lost and that only a single word may be too wide.
func FuzzWrap(f *testing.F) {
	f.Add("the application writes here", 10, 20)
	f.Add("/a/very/long/word that does not fit", 3, 8)
	f.Add("数据 目录 \u202eabc", 5, 5)
	f.Fuzz(func(t *testing.T, s string, first, rest int) {
		lines := termtext.Wrap(s, first, rest)
		if got, want := strings.Fields(strings.Join(lines, " ")), strings.Fields(s); !slices.Equal(got, want) {
			t.Errorf("Wrap(%q) has the words %q", s, got)
		}
		for i, l := range lines {
			room := rest
			if i == 0 {
				room = first
			}
			if termtext.Width(l) > room && strings.Contains(l, " ") {
				t.Errorf("Wrap(%q): %q is longer than %d", s, l, room)
			}
		}
	})
}

// FuzzCut makes sure that a cut text is as narrow as asked for.
func FuzzCut(f *testing.F) {
	f.Add("/数据/目录", 7)
	f.Add("e\u0301\u0301 x", 1)
	f.Fuzz(func(t *testing.T, s string, n int) {
		if got := termtext.Cut(s, n); termtext.Width(got) > max(n, 3) {
			t.Errorf("Cut(%q, %d) = %q, which takes %d columns", s, n, got, termtext.Width(got))
		}
	})
}
