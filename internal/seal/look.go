package seal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/observe"
)

// look notes what can be seen of the running container now.
func (r *oneRun) look(ctx context.Context, phase observe.Phase) error {
	if r.changesNow() {
		if err := r.collectChanges(ctx, phase); err != nil {
			return err
		}
	}
	procs, err := r.c.Processes(ctx)
	if err != nil {
		return r.unlessGone(ctx, fmt.Errorf("listing the processes: %w", err))
	}
	r.o.Processes = mergeProcesses(r.o.Processes, procs)
	ports, err := r.c.Listening(ctx)
	if err != nil && !errors.Is(err, engine.ErrCannotLook) {
		return r.unlessGone(ctx, fmt.Errorf("listing the listening ports: %w", err))
	}
	r.o.Listening = append(r.o.Listening, ports...)
	slices.Sort(r.o.Listening)
	r.o.Listening = slices.Compact(r.o.Listening)
	return nil
}

// unlessGone forgives an error that only comes from the container, or another of its pod, having exited meanwhile. One
// that runs to its end has exited well when others are asked.
func (r *oneRun) unlessGone(ctx context.Context, err error) error {
	st, serr := r.c.State(ctx)
	if serr == nil && (st.Other != "" || !st.Running && !r.target.Completes) {
		return nil
	}
	return err
}

// changesNow tells whether docker diff has to be asked in each phase, since nothing else tells what happened when. It
// walks the whole image; where the tracer tells, it is asked once, when the container has stopped.
func (r *oneRun) changesNow() bool {
	_, traced := r.c.Writes()
	r.asksLate = r.diff && r.late != nil && traced.On && traced.Lost == 0
	return r.diff && !r.asksLate
}

// collectChanges adds the changes of docker diff now; each path keeps the first phase that showed it.
func (r *oneRun) collectChanges(ctx context.Context, phase observe.Phase) error {
	changes, err := r.changes(ctx)
	r.o.Changes = mergeChanges(r.o.Changes, changes, func(string) observe.Phase { return phase })
	return err
}

func (r *oneRun) changes(ctx context.Context) ([]observe.Change, error) {
	changes, err := r.c.Changes(ctx)
	if err != nil {
		err = fmt.Errorf("reading the container's changes: %w", err)
	}
	return changes, err
}

// mergeChanges adds what docker diff said, with the phase of each path that is new.
func mergeChanges(all, more []observe.Change, phase func(path string) observe.Phase) []observe.Change {
	for _, c := range more {
		at, found := slices.BinarySearchFunc(all, c, byPath)
		if found {
			all[at].Dir = all[at].Dir || c.Dir
			continue
		}
		c.Phase = phase(c.Path)
		all = slices.Insert(all, at, c)
	}
	return all
}

// tracedPhase tells in which phase a path was first written, by the trace.
func tracedPhase(writes []observe.Write) func(path string) observe.Phase {
	first := map[string]observe.Phase{}
	for _, w := range writes {
		for _, p := range []string{w.Path, w.To} {
			if was, ok := first[p]; !ok || diff.Earlier(w.Phase, was) {
				first[p] = w.Phase
			}
		}
	}
	return func(path string) observe.Phase { return cmp.Or(first[path], observe.E2E) }
}

func byPath(a, b observe.Change) int { return strings.Compare(a.Path, b.Path) }

func mergeProcesses(all, more []observe.Process) []observe.Process {
	for _, p := range more {
		same := func(q observe.Process) bool {
			return q.UID == p.UID && q.GID == p.GID && q.Command == p.Command && q.Main == p.Main
		}
		if !slices.ContainsFunc(all, same) {
			all = append(all, p)
		}
	}
	return all
}
