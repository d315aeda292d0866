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

// TestUnstable: a run that fails in another way each time is given up after six runs, and nothing is concluded from it.
func TestUnstable(t *testing.T) {
	res := sealParallel(t, txtar.Parse([]byte(`
-- image --
f 0755 0:0 /bin/sh
-- config --
user 1000
-- app --
e2e in-run 2 fail
start in-run 3 exit 1
e2e in-run 4 fail
start in-run 5 exit 1
e2e in-run 6 fail
start in-run 7 exit 1
`)), 1)
	if want := "the last sealed run was inconclusive (unstable): exited 1 before it was ready"; res.Verdict != seal.NotSealable || res.Why != want || len(res.Rounds) != 7 {
		t.Errorf("%s", render(res))
	}
}

// TestUnstableRestart: a restart that fails now in one way and now in another shows nothing about the content of mounts.
func TestUnstableRestart(t *testing.T) {
	res := sealParallel(t, txtar.Parse([]byte(`
-- image --
f 0755 0:0 /bin/sh
d 0755 1000:1000 /run
-- config --
user 1000
-- app --
start if /run/pid in-run 2 exit 1
start if /run/pid in-run 4 exit 1
start if /run/pid write /run/again
start write /run/pid
e2e if /run/again in-run 3 fail
e2e if /run/again in-run 5 fail
e2e if /run/again in-run 6 fail
e2e if /run/again in-run 7 fail
`)), 1)
	if want := "the last sealed run was inconclusive (unstable): after PID 1 was killed"; res.Verdict != seal.NotSealable || !strings.HasPrefix(res.Why, want) || len(res.Exceptions) > 0 {
		t.Errorf("%s", render(res))
	}
}
