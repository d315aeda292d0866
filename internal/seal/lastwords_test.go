package seal

import (
	"testing"

	"github.com/podseal/podseal/internal/observe"
)

// TestLastWords takes the first refusal of the phase that failed, else the last error, else the last line.
func TestLastWords(t *testing.T) {
	for logs, want := range map[string]string{
		"": "", "one\ntwo\n": "; it says: two",
		"start\nError: cannot become alice\nFor help, use -h\n":                  "; it says: Error: cannot become alice",
		"start\nmkdir /a: Permission denied\nmkdir /b: Permission denied\nbye\n": "; it says: mkdir /a: Permission denied",
	} {
		if got := lastWords(observe.Observation{Logs: logs}); got != want {
			t.Errorf("%q: %q, want %q", logs, got, want)
		}
	}
}
