package spelling_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/spelling"
)

func TestNearest(t *testing.T) {
	known := []string{"ready", "commands", "command", "env", "needs"}
	for name, want := range map[string]string{
		"redy": "ready", "READY": "ready", "comands": "commands", "commadn": "command", "need": "needs", "evn": "env", "zzz": "", "": "",
		strings.Repeat("commands", 20): "",
	} {
		for range 2 {
			slices.Reverse(known) // the order does not matter
			if got, ok := spelling.Nearest(name, slices.Values(known)); got != want || ok != (want != "") {
				t.Errorf("%q: %q, %t, want %q", name, got, ok, want)
			}
		}
	}
}
