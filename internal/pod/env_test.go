package pod

import "testing"

// A kubelet takes keys of printable ASCII without "=" as names of variables.
func TestIsVariable(t *testing.T) {
	for name, want := range map[string]bool{"A": true, "a.b-c": true, "a b": true, "~": true, "": false, "a=b": false, "a\tb": false, "\x7f": false, "é": false} {
		if got := isVariable(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}
