package enginetest_test

import (
	"testing"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/engine/enginetest"
)

// TestConformance shows that the fake keeps the contract of an engine.
func TestConformance(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, c enginetest.Case) (engine.Engine, string) {
		e, err := enginetest.New(c)
		if err != nil {
			t.Fatal(err)
		}
		e.Traced = true
		t.Cleanup(func() {
			if n := e.Alive(); n != 0 {
				t.Errorf("%d containers or trees are left", n)
			}
		})
		return e, c.Facts.Ref
	})
}
