package yamledit

import "testing"

// TestDoubleQuoted: what YAML does not print is escaped, as JSON escapes it.
func TestDoubleQuoted(t *testing.T) {
	for s, want := range map[string]string{
		"a\"b\\c": `"a\"b\\c"`, "\n\t\r\x00": `"\n\t\u000d\u0000"`, "a ~\x7f": `"a ~\u007f"`, "\u00a0\u00a1": "\"\\u00a0\u00a1\"",
		"\u1fff\u2000\u2028": "\"\u1fff\\u2000\\u2028\"", "\uffff\U00010000": "\"\\uffff\U00010000\"", "\U0010ffff": "\"\U0010ffff\"",
	} {
		if got := doubleQuoted(s); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
}
