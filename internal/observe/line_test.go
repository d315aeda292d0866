package observe_test

import (
	"testing"

	"github.com/podseal/podseal/internal/observe"
)

// TestLineTemplate treats lines that differ in times, addresses and process ids as one.
func TestLineTemplate(t *testing.T) {
	if a, b := observe.LineTemplate("start 12:01 pid 7 at 7ffe0\n"), observe.LineTemplate("start 13:44 pid 12 at 12bc0"); a != b {
		t.Errorf("%q, %q", a, b)
	}
	if observe.LineTemplate("listening on 80") == observe.LineTemplate("retry in 80") {
		t.Error("different lines are taken for one")
	}
}
