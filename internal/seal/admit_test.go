package seal_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/podseal/podseal/internal/seal"
)

// TestAdmit: with one permit, one run at a time, and each permit is given back.
func TestAdmit(t *testing.T) {
	permits := make(chan struct{}, 1)
	admitted := 0
	var mu sync.Mutex
	res, err := sealWith(t, func(o *seal.Options) {
		o.Parallel = 4
		o.Admit = func(ctx context.Context) (func(), error) {
			select {
			case permits <- struct{}{}:
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
			mu.Lock()
			defer mu.Unlock()
			admitted++
			return func() { <-permits }, nil
		}
	})
	if err != nil || res.Verdict != seal.Sealed || admitted < 2 {
		t.Fatalf("%v: %s after %d runs", err, res.Verdict, admitted)
	}
	if len(permits) != 0 {
		t.Error("a permit was not given back")
	}
}

// TestAdmitFails: a run that is not admitted is an error, and none is started.
func TestAdmitFails(t *testing.T) {
	full := errors.New("full")
	_, err := sealWith(t, func(o *seal.Options) {
		o.Admit = func(context.Context) (func(), error) { return nil, full }
	})
	if !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}
