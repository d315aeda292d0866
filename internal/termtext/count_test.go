package termtext_test

import (
	"testing"

	"github.com/podseal/podseal/internal/termtext"
)

func TestCount(t *testing.T) {
	for _, c := range []struct {
		n    int
		noun string
		want string
	}{{0, "run", "0 runs"}, {1, "run", "1 run"}, {2, "run", "2 runs"}, {1, "loss", "1 loss"}, {2, "loss", "2 losses"}} {
		if got := termtext.Count(c.n, c.noun); got != c.want {
			t.Errorf("Count(%d, %s) = %s, want %s", c.n, c.noun, got, c.want)
		}
	}
}
