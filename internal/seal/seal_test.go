package seal_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/engine/enginetest"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
)

// ordinary is an application with a need of each common kind: it takes an open run, sealed runs and trials.
const ordinary = `
-- image --
f 0755 0:0 /bin/sh
d 0755 101:101 /run
d 1777 0:0 /tmp
f 0644 101:101 /etc/app/conf.d/a.conf
d 0755 101:101 /etc/app/conf.d
-- config --
user 101
soak 5s
-- app --
start write /etc/app/conf.d/b.conf
start write /run/app.pid
e2e temp /tmp/x fails
`

func ordinaryCase(t *testing.T) (*enginetest.Engine, func(ctx context.Context) (seal.Result, error)) {
	t.Helper()
	e, tgt, opts := parseCase(t, txtar.Parse([]byte(ordinary)))
	e.Traced = true
	return e, func(ctx context.Context) (seal.Result, error) { return seal.Run(ctx, e, tgt, opts) }
}

// TestCancelLeavesNothing cancels a seal at many moments: it ends soon, with the cause, and every container that was
// started is removed.
func TestCancelLeavesNothing(t *testing.T) {
	for at := 10 * time.Millisecond; at < 40*time.Second; at += 700 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			e, run := ordinaryCase(t)
			cause := errors.New("interrupted")
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			time.AfterFunc(at, func() { cancel(cause) })
			began := time.Now()
			res, err := run(ctx)
			if err == nil && time.Since(began) > at {
				t.Errorf("cancelled after %s: no error", at)
			}
			if err != nil && !errors.Is(err, cause) && !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled after %s: %v", at, err)
			}
			if err != nil && res.Verdict != "" {
				t.Errorf("cancelled after %s: the verdict is %q", at, res.Verdict)
			}
			if took := time.Since(began); took > at+time.Second {
				t.Errorf("cancelled after %s: ended after %s", at, took)
			}
			if e.Alive() != 0 {
				t.Errorf("cancelled after %s: %d are left", at, e.Alive())
			}
			synctest.Wait()
		})
	}
}

// TestEngineError breaks the engine at one round after the other: an error names the round and is no verdict.
func TestEngineError(t *testing.T) {
	broken := errors.New("no space left on device")
	for n := 0; n < 6; n++ {
		synctest.Test(t, func(t *testing.T) {
			e, run := ordinaryCase(t)
			starts := 0
			e.Broken = func(profile.Profile) error {
				starts++
				if starts > n {
					return broken
				}
				return nil
			}
			res, err := run(context.Background())
			if err == nil && starts > n {
				t.Fatalf("start %d broken: no error, %s", n+1, res.Verdict)
			}
			if err != nil && (!errors.Is(err, broken) || !strings.Contains(err.Error(), ":")) {
				t.Errorf("start %d broken: %v", n+1, err)
			}
			if err != nil && res.Verdict != "" {
				t.Errorf("start %d broken: the verdict is %q", n+1, res.Verdict)
			}
			if e.Alive() != 0 {
				t.Errorf("start %d broken: %d are left", n+1, e.Alive())
			}
		})
	}
}

// TestEngineErrorOnce breaks the engine at one start only: that run is made again, except the open run.
func TestEngineErrorOnce(t *testing.T) {
	broken := errors.New("no space left on device")
	for n := 1; n <= 4; n++ {
		synctest.Test(t, func(t *testing.T) {
			e, run := ordinaryCase(t)
			starts := 0
			e.Broken = func(profile.Profile) error {
				if starts++; starts == n {
					return broken
				}
				return nil
			}
			res, err := run(context.Background())
			if n == 1 && !errors.Is(err, broken) || n > 1 && (err != nil || res.Verdict != seal.Sealed) {
				t.Errorf("start %d broken: %s, %v", n, res.Verdict, err)
			}
		})
	}
}

// TestTimeout bounds one whole run.
func TestTimeout(t *testing.T) {
	e, tgt, opts := parseCase(t, txtar.Parse([]byte(ordinary)))
	tgt.Timeout = 3 * time.Second
	synctest.Test(t, func(t *testing.T) {
		_, err := seal.Run(context.Background(), e, tgt, opts)
		if err == nil || !strings.Contains(err.Error(), "--timeout 3s") {
			t.Errorf("error %v, want one that names --timeout", err)
		}
		if e.Alive() != 0 {
			t.Errorf("%d are left", e.Alive())
		}
	})
}

// TestParallelTrials gives the same result with trials side by side as one by one.
func TestParallelTrials(t *testing.T) {
	e, tgt, opts := parseCase(t, txtar.Parse([]byte(ordinary)))
	e.Traced = true
	var one, many seal.Result
	synctest.Test(t, func(t *testing.T) {
		var err, err2 error
		one, err = seal.Run(context.Background(), e, tgt, opts)
		opts.Parallel = 4
		many, err2 = seal.Run(context.Background(), e, tgt, opts)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
	})
	if !one.Profile.Equal(many.Profile) || one.Verdict != many.Verdict || len(one.Rounds) != len(many.Rounds) {
		t.Errorf("one by one:\n%s\nside by side:\n%s", render(one), render(many))
	}
	checkResult(t, e, many)
}
