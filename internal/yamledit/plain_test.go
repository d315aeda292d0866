package yamledit

import (
	"testing"
)

// A string stands without quotes only where every reader of YAML takes it for the same string.
func TestScalar(t *testing.T) {
	for s, want := range map[string]string{
		"":             "''",
		"-":            "'-'",
		"a":            "a",
		"az AZ 09":     "az AZ 09",
		"a_/.$%+=@-:b": "a_/.$%+=@-:b",
		"%a":           "'%a'",
		"@a":           "'@a'",
		":a":           "':a'",
		"a:":           "'a:'",
		"a: b":         "'a: b'",
		"a :b":         "'a :b'",
		"---a":         "'---a'",
		"...a":         "'...a'",
		"-a":           "-a",
		"- a":          "'- a'",
		"a -b":         "'a -b'",
		"a  b":         "'a  b'",
		" a":           "' a'",
		"a#":           "'a#'",
		"~":            "'~'",
		"0a":           "'0a'",
		"9a":           "'9a'",
		"+9":           "'+9'",
		"...":          "'...'",
		"On":           "'On'",
		"64Mi":         "64Mi",
		"64Mo":         "'64Mo'",
		"m":            "m",
		"it's":         `"it's"`,
		"a ~{":         "'a ~{'",
		"\x1f":         `"\u001f"`,
		"\x7f":         `"\u007f"`,
	} {
		if got := scalar(s); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
}
