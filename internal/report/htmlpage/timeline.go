package htmlpage

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/report"
)

// Timeline shows the runs of a target over time. Positions are percentages of its width.
type Timeline struct {
	Runs  []Run
	Ticks []Tick
	Total string // "17.0 s"
}

// Tick is a mark of the axis.
type Tick struct {
	At   string
	Text string
}

// Run is one bar.
type Run struct {
	report.Round
	At, Width string
	Ready     string // the position at which it was ready; empty if it never was
	Took      string
	Open      bool   // unfolded: it decided against a seal
	Proves    string // the relaxations that its failure proves; empty for none
}

// timeline lays out the runs of a report, in the order of their starts. A report without starts has its runs one after the
// other.
func timeline(r report.Report) *Timeline {
	rounds := slices.Clone(r.Rounds)
	if len(rounds) == 0 {
		return nil
	}
	if !slices.ContainsFunc(rounds, func(o report.Round) bool { return o.StartSeconds > 0 }) {
		for i := 1; i < len(rounds); i++ {
			rounds[i].StartSeconds = rounds[i-1].StartSeconds + rounds[i-1].Seconds
		}
	}
	slices.SortStableFunc(rounds, func(a, b report.Round) int {
		switch {
		case a.StartSeconds < b.StartSeconds:
			return -1
		case a.StartSeconds > b.StartSeconds:
			return 1
		}
		return 0
	})
	total := 0.1
	for _, o := range rounds {
		total = max(total, o.StartSeconds+o.Seconds)
	}
	decisive := map[string]bool{}
	for _, o := range r.Decisive() {
		decisive[o.Name] = true
	}
	proved := map[string][]string{}
	for _, p := range r.Proofs {
		if p.Result == report.Failed {
			proved[p.Round] = append(proved[p.Round], p.Relaxation)
		}
	}
	t := &Timeline{Total: fmt.Sprintf("%.1f s", total)}
	for _, o := range rounds {
		run := Run{Round: o, At: percent(o.StartSeconds / total), Width: percent(max(o.Seconds/total, 0.004)), Took: fmt.Sprintf("%.1f s", o.Seconds), Open: decisive[o.Name]}
		if o.Result == report.Failed {
			run.Proves = strings.Join(proved[o.Name], ", ")
		}
		if o.ReadySeconds > 0 {
			run.Ready = percent((o.StartSeconds + min(o.ReadySeconds, o.Seconds)) / total)
		}
		t.Runs = append(t.Runs, run)
	}
	step := tickStep(total)
	for at := 0.0; at < total*0.96; at += step {
		t.Ticks = append(t.Ticks, Tick{percent(at / total), strings.TrimSuffix(fmt.Sprintf("%.1f", at), ".0") + " s"})
	}
	return t
}

func percent(part float64) string { return fmt.Sprintf("%.2f%%", 100*part) }

// tickStep returns a round number of seconds that divides the total into about five parts.
func tickStep(total float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(total/5)))
	for _, factor := range []float64{1, 2, 5, 10} {
		if total/(factor*power) <= 6 {
			return factor * power
		}
	}
	return 10 * power
}
