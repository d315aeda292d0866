package trial

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/observe"
)

// stallPoll is how often a run that is not ready is inspected for progress.
const stallPoll = time.Second

// stallWatch decides when to abandon a run that has stopped making progress.
type stallWatch struct {
	patience Patience
	c        engine.Container
}

// watch returns how long the run has taken when it stalls; 0 when ctx ends first.
func (w stallWatch) watch(ctx context.Context) time.Duration {
	began := time.Now()
	last, seen := began, progress{}
	for {
		select {
		case <-ctx.Done():
			return 0
		case <-time.After(stallPoll):
		}
		fresh, err := seen.update(ctx, w.c)
		if err != nil || fresh {
			last = time.Now()
		}
		if w.shouldAbandon(time.Since(began), time.Since(last)) && ctx.Err() == nil {
			return time.Since(began)
		}
	}
}

// shouldAbandon reports whether the run has stalled for long enough.
func (w stallWatch) shouldAbandon(elapsed, calm time.Duration) bool {
	return elapsed >= w.patience.After && calm >= w.patience.Calm
}

// progress is the set of different things that a run has shown, by their kind.
type progress map[[2]string]bool

// add reports whether something is new.
func (p progress) add(kind, what string) bool {
	key := [2]string{kind, what}
	fresh := !p[key]
	p[key] = true
	return fresh
}

// update inspects a container, and reports whether it shows anything new.
func (p progress) update(ctx context.Context, c engine.Container) (fresh bool, err error) {
	logs, err := c.Logs(ctx)
	if err != nil {
		return false, err
	}
	procs, err := c.Processes(ctx)
	if err != nil && !errors.Is(err, engine.ErrCannotInspect) {
		return false, err
	}
	ports, err := c.Listening(ctx)
	if err != nil && !errors.Is(err, engine.ErrCannotInspect) {
		return false, err
	}
	writes, _ := c.Writes()
	for l := range strings.Lines(logs) {
		fresh = p.add("line", observe.LineTemplate(l)) || fresh
	}
	for _, proc := range procs {
		fresh = p.add("process", proc.Command) || fresh
	}
	for _, port := range ports {
		fresh = p.add("port", fmt.Sprint(port)) || fresh
	}
	for _, w := range writes {
		fresh = p.add("write", w.Path+" "+w.To+" "+w.Call+" "+w.Errno) || fresh
	}
	return fresh, nil
}
