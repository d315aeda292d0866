package seal_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/seal"
)

// TestParallel seals every application of testdata/seal with parallel trials: the result is that of sequential trials.
func TestParallel(t *testing.T) {
	files, err := filepath.Glob("testdata/seal/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no applications", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			one, many := sealParallel(t, a, 1), sealParallel(t, a, 4)
			if one.Verdict != many.Verdict || !one.Profile.Equal(many.Profile) || len(one.Exceptions) != len(many.Exceptions) {
				t.Errorf("sequential:\n%s\nparallel:\n%s", render(one), render(many))
			}
		})
	}
}

func sealParallel(t *testing.T, a *txtar.Archive, parallel int) (res seal.Result) {
	t.Helper()
	e, tgt, opts := parseCase(t, a)
	e.Traced, opts.Parallel = true, parallel
	synctest.Test(t, func(t *testing.T) {
		var err error
		if res, err = seal.Run(context.Background(), e, tgt, opts); err != nil {
			t.Fatal(err)
		}
	})
	checkResult(t, e, res)
	return res
}

// neverReady returns an application that needs root and stalls without it, with many candidates for the user.
func neverReady(users int) *txtar.Archive {
	var b strings.Builder
	b.WriteString("-- image --\nf 0755 0:0 /bin/sh\nd 0755 0:0 /run\n-- config --\nexpose 8080\n-- app --\n")
	for i := range users {
		fmt.Fprintf(&b, "start worker %d:%d worker\n", 1000+i, 1000+i)
	}
	b.WriteString("start write /run/app.pid tolerated\nstart if-user need SETUID tolerated\nstart after 1s if-root listen 8080\n")
	return txtar.Parse([]byte(b.String()))
}

// TestManyUsers checks that the runs of an application that only root may run are bounded, and that the result says how many
// users were not tried.
func TestManyUsers(t *testing.T) {
	for _, parallel := range []int{1, 4} {
		res := sealParallel(t, neverReady(60), parallel)
		if res.Verdict != seal.NotSealable || len(res.Rounds) > 70 {
			t.Errorf("%d at a time: %s after %d rounds", parallel, res.Verdict, len(res.Rounds))
		}
		if said := strings.Join(res.NotExercised, "\n"); !strings.Contains(said, "more users that the image may be meant for: only the first 16") {
			t.Errorf("%d at a time: the untried users are not reported:\n%s", parallel, said)
		}
	}
}

// TestNeverReadyIsQuick bounds the time for an application that stalls for a minute in each run.
func TestNeverReadyIsQuick(t *testing.T) {
	a := neverReady(3)
	e, tgt, opts := parseCase(t, a)
	e.Traced, opts.Parallel = true, 2
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		res, err := seal.Run(context.Background(), e, tgt, opts)
		if err != nil || res.Verdict != seal.NotSealable {
			t.Fatal(err, res.Verdict)
		}
		if took := time.Since(began); took > 130*time.Second {
			t.Errorf("it took %s in %d rounds", took, len(res.Rounds))
		}
	})
}

// TestCancelParallel cancels during parallel trials: the seal ends soon, and no container is left.
func TestCancelParallel(t *testing.T) {
	for at := 10 * time.Second; at < 70*time.Second; at += 3700 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			e, tgt, opts := parseCase(t, neverReady(5))
			e.Traced, opts.Parallel = true, 4
			cause := errors.New("interrupted")
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			time.AfterFunc(at, func() { cancel(cause) })
			began := time.Now()
			_, err := seal.Run(ctx, e, tgt, opts)
			if took := time.Since(began); err == nil && took > at || took > at+time.Second {
				t.Errorf("cancelled after %s: ended after %s with %v", at, took, err)
			}
			if err != nil && !errors.Is(err, cause) && !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled after %s: %v", at, err)
			}
			if e.Alive() != 0 {
				t.Errorf("cancelled after %s: %d are left", at, e.Alive())
			}
			synctest.Wait()
		})
	}
}
