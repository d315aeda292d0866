package seal_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/seal"
)

// TestExplain seals the applications of testdata/explain/*.txtar with a tracer, and prints what a result says of each field, each
// written path, and what was not exercised.
func TestExplain(t *testing.T) {
	golden.Run(t, "testdata/explain/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		return golden.Want(explanation(sealParallel(t, a, 1)))
	})
}

func explanation(res seal.Result) string {
	var b strings.Builder
	proof := func(text string) {
		if text != "" {
			fmt.Fprintf(&b, "  proof: %s\n", text)
		}
	}
	fmt.Fprintf(&b, "%s: %s\n", res.Verdict, res.Why)
	for _, r := range res.Reasons {
		fmt.Fprintf(&b, "%s: %s\n", r.Field, r.Why)
		proof(r.Proof)
	}
	for _, c := range res.Choices {
		fmt.Fprintf(&b, "choice %s %s %s: %s: %s\n", c.Path, c.Changes, c.Phase, c.Said(), c.Reason)
		proof(c.Proof)
	}
	for _, n := range res.NotExercised {
		fmt.Fprintf(&b, "not exercised: %s\n", n)
	}
	return b.String()
}
