package seal_test

import (
	"slices"
	"sync"
	"testing"

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
		if !slices.Contains(begun, o.Name) {
			t.Errorf("%s did not begin", o.Name)
		}
	}
}
