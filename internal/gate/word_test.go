package gate

import "testing"

// TestSameWord accepts any text in the place of a hidden secret.
func TestSameWord(t *testing.T) {
	for _, c := range []struct {
		have, recorded string
		want           bool
	}{
		{"--password=x", "--password=***", true},
		{"--password=", "--password=***", true},
		{"--user=x", "--password=***", false},
		{"a:x@b:y@c", "a:***@b:***@c", true},
		{"a:x@c", "a:***@b:***@c", false},
		{"a:x@b:y@d", "a:***@b:***@c", false},
		{"plain", "plain", true},
		{"plain", "other", false},
	} {
		if got := sameWord(c.have, c.recorded); got != c.want {
			t.Errorf("%q as %q: %t", c.have, c.recorded, got)
		}
	}
}
