package seal_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/seal"
)

// TestRunning reports the beginning and the end of each round.
func TestRunning(t *testing.T) {
	var mu sync.Mutex
	var begun []string
	ended := 0
	res, err := sealWith(t, func(o *seal.Options) {
		o.Running = func(trial string) func() {
			mu.Lock()
			defer mu.Unlock()
			begun = append(begun, trial)
			return func() {
				mu.Lock()
				defer mu.Unlock()
				ended++
			}
		}
	})
	if err != nil || len(begun) == 0 || ended != len(begun) {
		t.Fatalf("%v: %d began, %d ended", err, len(begun), ended)
	}
	for _, o := range res.Rounds {
		if !slices.ContainsFunc(begun, func(trial string) bool { return strings.HasPrefix(trial, o.Name+", step ") }) {
			t.Errorf("%s did not begin", o.Name)
		}
	}
}

// TestProgress: the progress names each trial, its result, and the users that do not work.
func TestProgress(t *testing.T) {
	a, err := txtar.ParseFile("testdata/seal/user-second-candidate.txtar")
	if err != nil {
		t.Fatal(err)
	}
	e, tgt, opts := parseCase(t, a)
	e.Traced = true
	var lines []string
	opts.Progress = func(line string) { lines = append(lines, line) }
	synctest.Test(t, func(t *testing.T) {
		if _, err := seal.Run(context.Background(), e, tgt, opts); err != nil {
			t.Fatal(err)
		}
	})
	const want = `
step 1: open run: as the image says
open run: passed in 1.1s
step 2 of about 4: sealed run 1: uid 33, writable /var/lib/app
sealed run 1: exited 1 before it was ready
uid 33 does not work
step 3 of about 5: sealed run 1 of uid 700: uid 700, writable /var/lib/app
sealed run 1 of uid 700: passed in 2.1s
step 4 of about 5: without mount /var/lib/app: uid 700, 0 writable folders
without mount /var/lib/app: exited 1 before it was ready
step 5 of about 5: confirmation run: uid 700, writable /var/lib/app
confirmation run: passed in 2.1s
`
	if got := strings.Join(lines, "\n"); got != strings.TrimSpace(want) {
		t.Errorf("got\n%s\nwant%s", got, want)
	}
}

// TestSteps: the steps of each application count from 1, and the number of steps that is expected never decreases and is
// never below the number of those that began. At the end it is right, give or take two, where nothing has failed but proofs.
func TestSteps(t *testing.T) {
	files, err := filepath.Glob("testdata/seal/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no applications", err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, parallel := range []int{1, 3} {
			steps, res := stepsOf(t, a, parallel)
			slices.SortFunc(steps, func(a, b string) int { return stepNumber(a) - stepNumber(b) }) // two may begin at once
			last := 0
			for i, step := range steps {
				n, about := stepNumber(step), 0
				_, err := fmt.Sscanf(step, "step %d of about %d", &n, &about)
				if n != i+1 || err == nil && about < n || about < last {
					t.Errorf("%s: %q is the %dth step, after an estimate of %d", file, step, i+1, last)
				}
				last = about
			}
			plain := res.Verdict == seal.Sealed && !slices.ContainsFunc(res.Rounds, func(o seal.Round) bool { return o.Rule != "" })
			if plain && last > len(steps)+2 {
				t.Errorf("%s: %d steps, expected %d", file, len(steps), last)
			}
		}
	}
}

// stepNumber returns the number of a step.
func stepNumber(step string) (n int) {
	_, _ = fmt.Sscanf(step, "step %d", &n)
	return n
}

// stepsOf seals an application and returns the steps in the order of their starts.
func stepsOf(t *testing.T, a *txtar.Archive, parallel int) (steps []string, res seal.Result) {
	t.Helper()
	e, tgt, opts := parseCase(t, a)
	e.Traced, opts.Parallel = true, parallel
	var mu sync.Mutex
	opts.Running = func(trial string) func() {
		mu.Lock()
		defer mu.Unlock()
		steps = append(steps, trial[strings.LastIndex(trial, ", ")+2:])
		return func() {}
	}
	synctest.Test(t, func(t *testing.T) {
		var err error
		if res, err = seal.Run(context.Background(), e, tgt, opts); err != nil {
			t.Fatal(err)
		}
	})
	return steps, res
}
