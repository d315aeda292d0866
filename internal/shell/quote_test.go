package shell

import (
	"os/exec"
	"strings"
	"testing"
)

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"": "''", "a": "a", "/srv/a-b_c.d+e:f,g=h@i%j": "/srv/a-b_c.d+e:f,g=h@i%j", "a b": "'a b'", "$HOME": "'$HOME'", "it's": `'it'\''s'`,
		"~": "'~'", "*": "'*'", "a\nb": "'a\nb'", "^": "'^'", "é": "'é'", "a;b": "'a;b'",
	} {
		if got := Quote(in); got != want {
			t.Errorf("Quote(%q) = %s, want %s", in, got, want)
		}
	}
}

// A shell reads each quoted word as the word that was quoted.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "a b", "'", `\`, "$(x)", "`x`", "\n", "~", "#", "!", "é", "-n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "\x00") {
			return // no argument can have one
		}
		out, err := exec.Command("sh", "-c", "printf '%s.' "+Quote(s)).Output()
		if err != nil || string(out) != s+"." {
			t.Errorf("%q is read as %q (%v)", s, out, err)
		}
	})
}
