package race_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podseal/podseal/internal/race"
)

var errBroken = errors.New("broken")

// call is one call of a race: how long it takes, and what it returns.
type call struct {
	takes time.Duration
	ok    bool
	err   error
}

// TestFirst: the lowest index that returns true is the result, whatever ends first, and an error only counts before it.
func TestFirst(t *testing.T) {
	for _, tt := range []struct {
		name  string
		limit int
		calls []call
		want  int
		err   error
		took  time.Duration
	}{
		{"no calls", 4, nil, -1, nil, 0},
		{"none", 4, []call{{1, false, nil}, {2, false, nil}}, -1, nil, 2},
		{"a later one ends first", 4, []call{{5, true, nil}, {1, true, nil}, {9, true, nil}}, 0, nil, 5},
		{"the first decides at once", 4, []call{{1, true, nil}, {9, true, nil}}, 0, nil, 1},
		{"one by one", 1, []call{{2, false, nil}, {3, true, nil}, {9, true, nil}}, 1, nil, 5},
		{"a limit of 0 is 1", 0, []call{{2, false, nil}, {3, true, nil}}, 1, nil, 5},
		{"two at a time", 2, []call{{3, false, nil}, {3, false, nil}, {3, true, nil}}, 2, nil, 6},
		{"an error before", 4, []call{{1, false, errBroken}, {9, true, nil}}, -1, errBroken, 1},
		{"an error before that ends later", 4, []call{{5, false, errBroken}, {1, true, nil}}, -1, errBroken, 5},
		{"an error behind that ends later", 4, []call{{1, true, nil}, {5, false, errBroken}}, 0, nil, 1},
		{"the first error", 4, []call{{1, false, errBroken}, {1, false, nil}, {9, false, errors.New("another")}}, -1, errBroken, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			got, err := race.First(t.Context(), len(tt.calls), tt.limit, func(ctx context.Context, i int) (bool, error) {
				select {
				case <-time.After(tt.calls[i].takes):
					return tt.calls[i].ok, tt.calls[i].err
				case <-ctx.Done():
					return false, ctx.Err()
				}
			})
			if got != tt.want || !errors.Is(err, tt.err) || time.Since(began) != tt.took {
				t.Errorf("%s: %d (%v) after %d, want %d (%v) after %d", tt.name, got, err, time.Since(began), tt.want, tt.err, tt.took)
			}
		})
	}
}

// TestFirstBeginsNoMore: calls behind the first true one are not begun.
func TestFirstBeginsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var begun []int
		_, err := race.First(t.Context(), 9, 2, func(_ context.Context, i int) (bool, error) {
			mu.Lock()
			begun = append(begun, i)
			mu.Unlock()
			time.Sleep(time.Duration(9-i) * time.Second)
			return i == 1, nil
		})
		slices.Sort(begun)
		if err != nil || !slices.Equal(begun, []int{0, 1}) {
			t.Errorf("begun %v (%v), want 0 and 1", begun, err)
		}
	})
}

// TestEach: all calls are made, at most limit at a time, until one fails.
func TestEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var made, now, most atomic.Int32
		do := func(context.Context, int) error {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			if made.Add(1) == 5 {
				return errBroken
			}
			return nil
		}
		if err := race.Each(t.Context(), 4, 2, do); err != nil || made.Load() != 4 || most.Load() != 2 {
			t.Errorf("%d calls, %d at a time: %v", made.Load(), most.Load(), err)
		}
		if err := race.Each(t.Context(), 9, 1, do); !errors.Is(err, errBroken) || made.Load() != 5 {
			t.Errorf("%d calls: %v", made.Load(), err)
		}
	})
}
