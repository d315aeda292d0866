package enginetest

import (
	"context"
	"slices"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/engine/enginetest/script"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// disturbs reports whether a condition depends on a probability or on the number of a run.
func disturbs(c script.Condition) bool {
	return slices.Contains([]string{"chance", "in-run", "in-same-run"}, c.Word)
}

// Undisturbed returns the case without the operations that depend on a probability or on the number of a run. A race of
// phases is decided for the first of them.
func (c Case) Undisturbed() Case {
	calm := script.Script{}
	for _, o := range c.Script {
		if slices.ContainsFunc(o.Conditions, disturbs) {
			continue
		}
		o.Phases = o.Phases[:1]
		calm = append(calm, o)
	}
	c.Script = calm
	return c
}

// Outcome is how an application behaves under a profile: it starts, runs its e2e command, is restarted over the same
// mounts, runs its e2e command again, and is stopped. Later fields are false where an earlier one is.
type Outcome struct {
	Started bool         // it runs after all delayed operations
	Passed  bool         // the e2e command passed, and it still runs
	Back    bool         // it runs after the restart
	Again   bool         // the e2e command passed again
	Exit    observe.Exit // of the stop after that
}

// Covers reports whether an application works as well as in the outcome of its open run: it passes, comes back, passes
// again where the open run did, and stops with the status 0 or that of the open run. An open run that does not pass is
// covered by nothing.
func (o Outcome) Covers(open Outcome) bool {
	return o.Started && o.Passed && o.Back && open.Passed && (o.Again || !open.Again) &&
		(o.Exit.Code == 0 || o.Exit.Code == open.Exit.Code)
}

// Try runs the application of a case under a profile, on a separate engine. A seed or a profile that the engine refuses
// is the zero Outcome. It sleeps for as long as operations of the start are delayed: run it under testing/synctest.
func Try(c Case, p profile.Profile) (Outcome, error) {
	e, err := New(c)
	if err != nil {
		return Outcome{}, err
	}
	ctx := context.Background()
	started, err := e.Start(ctx, target.Target{Image: c.Facts.Ref}, image.Facts{}, p)
	if err != nil {
		return Outcome{}, nil //nolint:nilerr // the profile does not work
	}
	defer func() { _ = started.Remove(ctx) }()
	t := trial{started, longestDelay(c.Script)}
	var o Outcome
	if o.Started = t.runs(ctx); !o.Started {
		return o, nil
	}
	if o.Passed = t.passes(ctx); !o.Passed || started.Restart(ctx) != nil {
		return o, nil
	}
	o.Back = t.runs(ctx)
	o.Again = o.Back && t.passes(ctx)
	o.Exit, err = started.Stop(ctx)
	return o, err
}

// trial is a container that Try drives.
type trial struct {
	c     engine.Container
	delay time.Duration
}

// runs reports whether the application runs after its delayed operations.
func (t trial) runs(ctx context.Context) bool {
	if t.delay > 0 {
		time.Sleep(t.delay + time.Millisecond)
	}
	st, err := t.c.State(ctx)
	return err == nil && st.Running
}

// passes reports whether the e2e command passes and the application runs after it.
func (t trial) passes(ctx context.Context) bool {
	code, _, err := t.c.Exec(ctx, e2eCommand())
	if err != nil || code != 0 {
		return false
	}
	st, err := t.c.State(ctx)
	return err == nil && st.Running
}

func longestDelay(s script.Script) (d time.Duration) {
	for _, o := range s {
		d = max(d, o.After)
	}
	return d
}

// Minimal returns the smallest working sets of a profile's mounts: with only these mounts, the application of a case works
// as well as in its open run, and with no proper subset of them. It tries all subsets, which must be few.
func Minimal(c Case, p profile.Profile) ([][]profile.Mount, error) {
	open, err := Try(c, profile.Unrestricted())
	if err != nil {
		return nil, err
	}
	var working []uint
	for set := uint(0); set < 1<<len(p.Mounts); set++ {
		if slices.ContainsFunc(working, func(w uint) bool { return w&set == w }) {
			continue // a subset works
		}
		q := p
		q.Mounts = chosen(p.Mounts, set)
		o, err := Try(c, q)
		if err != nil {
			return nil, err
		}
		if o.Covers(open) {
			working = append(working, set)
		}
	}
	var out [][]profile.Mount
	for _, set := range working {
		out = append(out, chosen(p.Mounts, set))
	}
	return out, nil
}

// chosen returns the mounts whose bits are set.
func chosen(mounts []profile.Mount, set uint) []profile.Mount {
	var out []profile.Mount
	for i, m := range mounts {
		if set&(1<<i) != 0 {
			out = append(out, m)
		}
	}
	return out
}
