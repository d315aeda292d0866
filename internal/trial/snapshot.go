package trial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/probe"
)

// snapshot notes what can be seen of the running container now.
func (a *attempt) snapshot(ctx context.Context, phase observe.Phase) error {
	_, traced := a.c.Writes()
	// docker diff walks the whole image. Where the tracer reports the phase of each path, one diff after the stop is enough.
	a.changesPending = a.Protocol.Changes && traced.Complete()
	if a.Protocol.Changes && !a.changesPending {
		if err := a.collectChanges(ctx, phase); err != nil {
			return err
		}
	}
	procs, err := a.c.Processes(ctx)
	if err != nil && !errors.Is(err, engine.ErrCannotInspect) {
		return a.unlessEnded(ctx, fmt.Errorf("listing the processes: %w", err))
	}
	a.o.Processes = mergeProcesses(a.o.Processes, procs)
	ports, err := a.c.Listening(ctx)
	if err != nil && !errors.Is(err, engine.ErrCannotInspect) {
		return a.unlessEnded(ctx, fmt.Errorf("listing the listening ports: %w", err))
	}
	a.o.Listening = append(a.o.Listening, ports...)
	slices.Sort(a.o.Listening)
	a.o.Listening = slices.Compact(a.o.Listening)
	return a.collectConnections(ctx)
}

// collectConnections notes where the container has connected to until now.
func (a *attempt) collectConnections(ctx context.Context) error {
	found, err := a.c.Connections(ctx)
	if err != nil && !errors.Is(err, engine.ErrCannotInspect) {
		return a.unlessEnded(ctx, fmt.Errorf("listing the connections: %w", err))
	}
	a.o.Connections = observe.MergeConnections(a.o.Connections, found)
	return nil
}

func (a *attempt) unlessEnded(ctx context.Context, err error) error {
	return probe.UnlessEnded(ctx, a.c, a.Target.Completes, err)
}

// collectChanges adds the changes of docker diff now; each path keeps the first phase that showed it.
func (a *attempt) collectChanges(ctx context.Context, phase observe.Phase) error {
	changes, err := a.c.Changes(ctx)
	if err != nil {
		return fmt.Errorf("reading the container's changes: %w", err)
	}
	a.o.Changes = MergeChanges(a.o.Changes, changes, func(string) observe.Phase { return phase })
	return nil
}

// MergeChanges adds changes to a list that is sorted by path. phase returns the phase of a path that is new.
func MergeChanges(all, more []observe.Change, phase func(path string) observe.Phase) []observe.Change {
	for _, c := range more {
		at, found := slices.BinarySearchFunc(all, c, func(a, b observe.Change) int { return strings.Compare(a.Path, b.Path) })
		if found {
			all[at].Dir = all[at].Dir || c.Dir
			continue
		}
		c.Phase = phase(c.Path)
		all = slices.Insert(all, at, c)
	}
	return all
}

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
