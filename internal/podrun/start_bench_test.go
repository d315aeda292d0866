//go:build engine

package podrun

import (
	"testing"
	"time"

	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// BenchmarkStart measures what sensor and observer add to a start, and to the removal, of a container that writes one
// file. Both kinds start by turns, after one that counts for neither.
func BenchmarkStart(b *testing.B) {
	traced, plain := newBench(b), newPlainBench(b)
	facts := traced.app(nil, file{Name: "tmp/", Mode: 0o1777})
	spent := map[*Engine][2]time.Duration{}
	run := func(e bench) (start, remove time.Duration) {
		begin := time.Now()
		c, err := e.Start(b.Context(), target.Target{Image: facts.Ref, Args: []string{"write:/tmp/f=x", "wait"}}, facts, profile.Unrestricted())
		if err != nil {
			b.Fatal(err)
		}
		start = time.Since(begin)
		begin = time.Now()
		if err := c.Remove(b.Context()); err != nil {
			b.Fatal(err)
		}
		return start, time.Since(begin)
	}
	run(traced)
	run(plain)
	for b.Loop() {
		for _, e := range []bench{traced, plain} {
			start, remove := run(e)
			was := spent[e.Engine]
			spent[e.Engine] = [2]time.Duration{was[0] + start, was[1] + remove}
		}
	}
	mean := func(e bench, i int) float64 { return float64(spent[e.Engine][i].Microseconds()) / 1000 / float64(b.N) }
	b.ReportMetric(mean(traced, 0)-mean(plain, 0), "added-to-start-ms")
	b.ReportMetric(mean(plain, 0), "untraced-start-ms")
	b.ReportMetric(mean(traced, 1)-mean(plain, 1), "added-to-removal-ms")
}
