package batch

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/profile"
)

// TestPod writes each attempt as NAME(the containers that are sealed by then); the script says how each one ends.
func TestPod(t *testing.T) {
	for _, c := range []struct {
		name   string
		script string // NAME=result, in the order of the attempts
		want   string // the attempts
		got    string // the results
		err    bool
	}{
		{name: "all sealed", script: "a=sealed b=sealed c=sealed", want: "a() b(a) c(a b)", got: "a1 b2 c3"},
		{name: "the first needs the second", script: "a=failed b=sealed a=sealed", want: "a() b() a(b)", got: "a3 b2"},
		{name: "it fails again", script: "a=failed b=sealed a=failed", want: "a() b() a(b)", got: "a3 b2"},
		{name: "nothing changed since", script: "a=sealed b=failed", want: "a() b(a)", got: "a1 b2"},
		{name: "none sealed", script: "a=failed b=failed", want: "a() b()", got: "a1 b2"},
		{name: "not testable", script: "a=sealed b=untestable c=sealed", want: "a() b(a)", got: "a1 b2"},
		{name: "an error", script: "a=sealed b=error c=sealed", want: "a() b(a)", got: "a1", err: true},
		{name: "an error of the second try", script: "a=failed b=sealed a=error", want: "a() b() a(b)", got: "a1 b2", err: true},
	} {
		script := strings.Fields(c.script)
		var names, attempts []string
		for _, step := range script {
			if name, _, _ := strings.Cut(step, "="); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		got, err := Pod(names, func(name string, sealed map[string]profile.Profile) (string, Judgement, error) {
			attempts = append(attempts, name+"("+strings.Join(slices.Sorted(maps.Keys(sealed)), " ")+")")
			step := script[len(attempts)-1]
			expected, end, _ := strings.Cut(step, "=")
			if expected != name {
				t.Fatalf("%s: attempt %d is of %s", c.name, len(attempts), name)
			}
			if end == "error" {
				return "", Judgement{}, errors.New("engine")
			}
			return fmt.Sprintf("%s%d", name, len(attempts)), Judgement{Sealed: end == "sealed", NotTestable: end == "untestable"}, nil
		})
		if all := strings.Join(attempts, " "); all != c.want {
			t.Errorf("%s: attempts %s, want %s", c.name, all, c.want)
		}
		if all := strings.Join(got, " "); all != c.got || (err != nil) != c.err {
			t.Errorf("%s: results %s, want %s; error %v", c.name, all, c.got, err)
		}
	}
}
