package podspec

import "testing"

func TestLiteral(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "$HOME": "$HOME", "${A}": "${A}", "$": "$", "a$": "a$",
		"$(A)": "$$(A)", "$$": "$$$", "$$(A)": "$$$$(A)", "$$$": "$$$$$",
	} {
		if got := Literal(in); got != want {
			t.Errorf("Literal(%q) = %q, want %q", in, got, want)
		}
	}
}
