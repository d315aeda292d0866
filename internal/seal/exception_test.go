package seal_test

import (
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/seal"
)

// TestUnconfirmedException kills the confirmation runs of a profile with an exception: the result names that failure.
func TestUnconfirmedException(t *testing.T) {
	res := sealParallel(t, txtar.Parse([]byte(`
-- image --
f 0755 0:0 /bin/sh
f 0644 1000:1000 /etc/state
-- config --
user 1000
-- app --
start write /etc/state silent
e2e in-run 4 kill
e2e in-run 5 kill
`)), 1)
	if res.Verdict != seal.NotSealable || res.Seal != nil || !strings.Contains(res.Why, "the confirmation run was inconclusive (killed): exited 137") {
		t.Errorf("%s", render(res))
	}
}
