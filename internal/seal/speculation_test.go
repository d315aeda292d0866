package seal_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/seal"
)

// slowStop is the start of an application that a stop ends after its grace period.
const slowStop = `
-- image --
f 0755 0:0 /bin/sh
d 0755 1000:1000 /srv/data
d 0755 1000:1000 /srv/state
d 0755 1000:1000 /opt
-- config --
user 1000
-- app --
start hang
start write /srv/data/a
`

// sealSlowStop seals an application with some trials in parallel. It returns the lines of the progress as well.
func sealSlowStop(t *testing.T, app string, parallel int) (res seal.Result, lines []string) {
	t.Helper()
	e, tgt, opts := parseCase(t, txtar.Parse([]byte(slowStop+app)))
	e.Traced, opts.Parallel, tgt.Grace = true, parallel, 10*time.Second
	var mu sync.Mutex
	opts.Progress = func(line string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, line)
	}
	synctest.Test(t, func(t *testing.T) {
		var err error
		if res, err = seal.Run(context.Background(), e, tgt, opts); err != nil {
			t.Fatal(err)
		}
	})
	checkResult(t, e, res)
	return res, lines
}

func indexOf(lines []string, text string) int {
	return slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, text) })
}

// TestSpeculation: the first sealed run begins while the open run is being stopped, and counts once.
func TestSpeculation(t *testing.T) {
	res, lines := sealSlowStop(t, "", 2)
	if begun, open := indexOf(lines, "sealed run 1: uid"), indexOf(lines, "open run: passed"); begun < 0 || begun > open {
		t.Errorf("the sealed run begins at line %d, the open run ends at line %d:\n%s", begun, open, strings.Join(lines, "\n"))
	}
	count := 0
	for _, o := range res.Rounds {
		if strings.HasPrefix(o.Name, "sealed run") {
			count++
		}
	}
	if res.Verdict != seal.Sealed || count != 1 {
		t.Errorf("%d sealed runs:\n%s", count, render(res))
	}
	if again := strings.Count(strings.Join(lines, "\n"), "sealed run 1: uid"); again != 1 {
		t.Errorf("the sealed run begins %d times:\n%s", again, strings.Join(lines, "\n"))
	}
}

// TestNoSpeculation: the first sealed run waits for the end of the open run if trials run one by one, and if the trace alone
// does not show what the open run did.
func TestNoSpeculation(t *testing.T) {
	for _, c := range []struct {
		name, app string
		parallel  int
	}{
		{"one by one", "", 1},
		{"a renamed folder", "start mkdir /srv/state/new\nstart rename /srv/state/new /srv/state/old\n", 2},
		{"a failed open run", "e2e fail\n", 2},
	} {
		_, lines := sealSlowStop(t, c.app, c.parallel)
		begun := indexOf(lines, "sealed run 1: uid")
		open := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "open run: ") })
		if begun >= 0 && begun < open {
			t.Errorf("%s: the sealed run begins at line %d, the open run ends at line %d:\n%s", c.name, begun, open, strings.Join(lines, "\n"))
		}
	}
}

// TestSpeculationOfAnotherPlan: a write at the stop of the open run changes the plan. The early run is given up and is no round.
func TestSpeculationOfAnotherPlan(t *testing.T) {
	res, lines := sealSlowStop(t, "stop write /srv/state/b\n", 2)
	if indexOf(lines, "sealed run 1: uid 1000, writable /srv/data") < 0 {
		t.Errorf("no early run:\n%s", strings.Join(lines, "\n"))
	}
	for _, o := range res.Rounds {
		if strings.HasPrefix(o.Name, "sealed run") && len(o.Profile.Mounts) == 1 {
			t.Fatalf("the early run is a round:\n%s\n%s", strings.Join(lines, "\n"), render(res))
		}
	}
}

// TestConfirmsOnce: the confirmation run of a profile that needs nothing begins alongside its sealed run, and is waited for.
func TestConfirmsOnce(t *testing.T) {
	e, tgt, opts := parseCase(t, txtar.Parse([]byte(`
-- image --
f 0755 0:0 /bin/sh
-- config --
user 1000
ready-log ready
-- app --
start after 1s if-traced log : ready
start after 3s if-untraced log : ready
`)))
	e.Traced, opts.Parallel = true, 2
	begun := 0
	var mu sync.Mutex
	opts.Progress = func(line string) {
		mu.Lock()
		defer mu.Unlock()
		if strings.Contains(line, ": confirmation run: uid 1000") {
			begun++
		}
	}
	synctest.Test(t, func(t *testing.T) {
		if res, err := seal.Run(context.Background(), e, tgt, opts); err != nil || res.Verdict != seal.Sealed || begun != 1 {
			t.Errorf("%v: %s after %d confirmation runs", err, res.Verdict, begun)
		}
	})
}

// TestNextTrials: the confirmation run and the trial without the mount begin before the first sealed run has ended.
func TestNextTrials(t *testing.T) {
	res, lines := sealSlowStop(t, "", 2)
	ended := indexOf(lines, "sealed run 1: passed")
	for _, next := range []string{": confirmation run: uid", ": without mount /srv/data: uid"} {
		if begun := indexOf(lines, next); begun < 0 || begun > ended {
			t.Errorf("%q at line %d, after the end of the sealed run at line %d:\n%s", next, begun, ended, strings.Join(lines, "\n"))
		}
	}
	if res.Verdict != seal.Sealed || len(res.Rounds) != 4 || len(res.Proofs) != 1 {
		t.Errorf("not sealed in 4 rounds with 1 proof:\n%s", render(res))
	}
}

// TestNextTrialsOfAFailedRun: where the first sealed run fails, the trials that began with it are no rounds.
func TestNextTrialsOfAFailedRun(t *testing.T) {
	res, lines := sealSlowStop(t, "start after 1s unwritable /opt exit 1\n", 2)
	if indexOf(lines, ": confirmation run: uid") < 0 {
		t.Errorf("no confirmation run began:\n%s", strings.Join(lines, "\n"))
	}
	for _, o := range res.Rounds {
		if o.Name == "confirmation run" && !o.Passed() {
			t.Errorf("the confirmation run of a profile that failed is a round:\n%s", render(res))
		}
	}
}
