package seal

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

// newRunner returns a runner of trials that need no engine.
func newRunner() runner {
	return runner{ledger: &ledger{}, flights: &flights{}, removals: &trial.Removals{}, say: func(string, ...any) {}}
}

// TestRepeatedSettlesNothing: a traced run that lost its tracer and failed untraced answers no other traced trial.
func TestRepeatedSettlesNothing(t *testing.T) {
	r := newRunner()
	traced := trial.Protocol{Traced: true}
	results := []Round{{Outcome: trial.Inconclusive, Cause: trial.TracerLost}, {Outcome: trial.Failed}}
	made := 0
	got, err := r.try(context.Background(), attempt{
		name: "trial", protocol: traced, blank: observe.Failure{Kind: observe.Exited, Phase: observe.Start},
		explained: func(observe.Observation) bool { return true },
		judge: func(o Round) Round {
			o.Outcome, o.Cause = results[made].Outcome, results[made].Cause
			made++
			return o
		},
	})
	if err != nil || got.Outcome != trial.Failed || got.Protocol.Traced || made != 2 {
		t.Fatalf("%v: %s after %d runs, traced %v", err, got.Outcome, made, got.Protocol.Traced)
	}
	if found, ok := r.ledger.find(got.Profile, traced, false); ok {
		t.Errorf("%q, which was repeated, answers a traced trial", found.Name)
	}
	if _, ok := r.ledger.find(got.Profile, traced.Untraced(), false); !ok {
		t.Error("the untraced run answers no untraced trial")
	}
}

// TestCountedAtOnceIsNoProof: a failure that counted after one run proves nothing. Another run that fails in the same way is
// enough then.
func TestCountedAtOnceIsNoProof(t *testing.T) {
	exited := observe.Failure{Kind: observe.Exited, Phase: observe.Start}
	for name, atOnce := range map[string]func(attempt) attempt{
		"unrepeated":    attempt.unrepeated,
		"after a guess": func(a attempt) attempt { a.before = exited; return a },
	} {
		r, runs := newRunner(), 0
		a := attempt{
			name: "trial", blank: exited, explained: func(observe.Observation) bool { return false },
			judge: func(o Round) Round { runs++; return o },
		}
		if _, err := r.try(context.Background(), atOnce(a)); err != nil || runs != 1 {
			t.Fatalf("%s: %d runs (%v)", name, runs, err)
		}
		if _, ok := r.ledger.find(a.profile, a.protocol, true); ok {
			t.Errorf("%s: it is a proof", name)
		}
		a.proof = true
		o, err := r.try(context.Background(), a)
		if _, ok := r.ledger.find(a.profile, a.protocol, true); !ok || runs != 2 || err != nil || o.Outcome != trial.Failed {
			t.Errorf("%s: %s after %d runs, a proof %v (%v)", name, o.Outcome, runs, ok, err)
		}
	}
}

// TestEngineErrorIsTriedAgain: an error of the engine is tried once more, but neither a run that took too long, nor the open
// run, nor a run of a seal that was given up.
func TestEngineErrorIsTriedAgain(t *testing.T) {
	broken := errors.New("no space left on device")
	late := func(func(context.Context) ([]observe.Change, error)) {}
	for _, c := range []struct {
		name   string
		err    error
		open   bool
		cancel bool
		want   int
	}{
		{name: "an error", err: broken, want: 2},
		{name: "a timeout", err: &trial.TimeoutError{}, want: 1},
		{name: "the open run", err: broken, open: true, want: 1},
		{name: "given up", err: broken, cancel: true, want: 1},
	} {
		r, runs := newRunner(), 0
		ctx, cancel := context.WithCancel(context.Background())
		r.admit = func(context.Context) (func(), error) {
			runs++
			if c.cancel {
				cancel()
			}
			return nil, c.err
		}
		a := attempt{name: "trial"}
		if c.open {
			a.late = late
		}
		if _, err := r.try(ctx, a); !errors.Is(err, c.err) || runs != c.want {
			t.Errorf("%s: %d runs, want %d (%v)", c.name, runs, c.want, err)
		}
		cancel()
	}
}

// stopped is a stopped container that records the calls. Its removal lasts until the next run has begun.
type stopped struct {
	engine.Container
	asked *[]string
	next  chan struct{}
}

func (s stopped) Changes(context.Context) ([]observe.Change, error) {
	*s.asked = append(*s.asked, "docker diff")
	return nil, nil
}

func (s stopped) Remove(context.Context) error {
	<-s.next
	*s.asked = append(*s.asked, "removal")
	return nil
}

// TestDispose: docker diff precedes the removal of a container where the run left it to later. It is asked for alongside the
// next run, but at once where the container is one of a pod, whose other containers run until the removal.
func TestDispose(t *testing.T) {
	for _, c := range []struct {
		name          string
		pod           *target.Pod
		pending, late bool
		atOnce, inAll []string
	}{
		{"changes are pending", nil, true, true, nil, []string{"docker diff", "removal", "release"}},
		{"changes are pending, of a pod", &target.Pod{}, true, true, []string{"docker diff"}, []string{"docker diff", "removal", "release"}},
		{"the run asked itself", nil, false, true, nil, []string{"removal", "release"}},
		{"nobody wants the changes", nil, true, false, nil, []string{"removal", "release"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRunner()
			r.target.Pod = c.pod
			var asked []string
			next := make(chan struct{}) // closed once the next run has begun
			var late func(func(context.Context) ([]observe.Change, error))
			if c.late {
				late = func(ask func(context.Context) ([]observe.Change, error)) {
					if c.pod == nil {
						<-next
					}
					_, _ = ask(context.Background())
				}
			}
			r.dispose(context.Background(), trial.Result{Container: stopped{asked: &asked, next: next}, ChangesPending: c.pending}, late, func() { asked = append(asked, "release") })
			if !slices.Equal(asked, c.atOnce) {
				t.Errorf("%s: before the next run %q, want %q", c.name, asked, c.atOnce)
			}
			close(next)
			if err := r.removals.Wait(); err != nil || !slices.Equal(asked, c.inAll) {
				t.Errorf("%s: %q, want %q (%v)", c.name, asked, c.inAll, err)
			}
		})
	}
}
