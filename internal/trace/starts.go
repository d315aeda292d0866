package trace

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/podseal/podseal/internal/observe"
)

// The limits of the waits for an observer.
const (
	phaseWait = 5 * time.Second // to know the phase
	drainWait = 2 * time.Second // for what the observers of ended containers have still to say
)

// Starts are the observers of one container, one for each of its starts. The last one is the current one; the earlier
// ones keep what they saw. The zero value has none, in the phase observe.Start.
type Starts struct {
	announcing sync.Mutex // one report at a time

	mu    sync.Mutex
	list  []*Session
	phase observe.Phase
}

// Add makes a session that of the current start.
func (x *Starts) Add(s *Session) { x.mu.Lock(); x.list = append(x.list, s); x.mu.Unlock() }

// Clear forgets all sessions.
func (x *Starts) Clear() { x.mu.Lock(); x.list = nil; x.mu.Unlock() }

// All returns the sessions, in the order of the starts.
func (x *Starts) All() []*Session {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.list)
}

// Last returns the current session; nil where there is none.
func (x *Starts) Last() *Session {
	all := x.All()
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

// Phase returns the phase of the run.
func (x *Starts) Phase() observe.Phase {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.phase == "" {
		return observe.Start
	}
	return x.phase
}

// Begin reports to the current observer which phase begins.
func (x *Starts) Begin(p observe.Phase) {
	x.mu.Lock()
	x.phase = p
	x.mu.Unlock()
	x.Announce()
}

// Announce reports the phase of the run to the current observer. The last report is of the last phase.
func (x *Starts) Announce() {
	x.announcing.Lock()
	defer x.announcing.Unlock()
	if s := x.Last(); s != nil {
		ctx, cancel := context.WithTimeout(context.Background(), phaseWait)
		defer cancel()
		_ = s.Phase(ctx, x.Phase()) // an observer that has ended sees nothing more to put into a phase
	}
}

// Drain waits, for a moment at most, until everything that the observers of ended containers wrote has been read. running
// reports whether the container runs.
func (x *Starts) Drain(running bool) {
	over := x.All()
	if running && len(over) > 0 {
		over = over[:len(over)-1]
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainWait)
	defer cancel()
	for _, s := range over {
		select {
		case <-s.Done():
		case <-ctx.Done():
		}
	}
}

// Writes returns what the observers saw until now, sorted by path, and how far they saw.
func (x *Starts) Writes() ([]observe.Write, observe.Trace) {
	var writes []observe.Write
	var notes []string
	all := observe.Trace{On: x.Last() != nil}
	for i, s := range x.All() {
		writes = append(writes, inPhase(s.Writes(), i > 0)...)
		status := s.Status()
		all.On = all.On && status.On
		all.Lost += status.Lost
		all.Broken = all.Broken || status.Broken
		all.Identities = addIdentities(all.Identities, status.Identities)
		if status.Note != "" && !slices.Contains(notes, status.Note) {
			notes = append(notes, status.Note)
		}
	}
	all.Note = strings.Join(notes, "; ")
	slices.SortStableFunc(writes, func(a, b observe.Write) int { return strings.Compare(a.Path, b.Path) })
	return writes, all
}

// addIdentities adds the identities that are new. The number of a process after a restart is no difference.
func addIdentities(all, more []observe.Process) []observe.Process {
	for _, p := range more {
		same := func(q observe.Process) bool {
			return q.UID == p.UID && q.GID == p.GID && q.Command == p.Command && slices.Equal(q.Groups, p.Groups)
		}
		if !slices.ContainsFunc(all, same) {
			all = append(all, p)
		}
	}
	return all
}

// inPhase corrects the phase of what an observer saw before it heard of a phase: a second observer exists only for a
// restart.
func inPhase(writes []observe.Write, restarted bool) []observe.Write {
	for i := range writes {
		if restarted && writes[i].Phase == observe.Start {
			writes[i].Phase = observe.Restart
		}
	}
	return writes
}

// Connections returns the connections that the observers saw until now, and those that are open. The observer's answer about
// the latter follows all that it has traced before. The connections count also where there is an error about the latter,
// such as ErrEnded.
func (x *Starts) Connections(ctx context.Context) ([]observe.Connection, error) {
	var open []observe.Connection
	err := ErrEnded
	if last := x.Last(); last != nil {
		open, err = last.OpenConnections(ctx)
	}
	for i := range open {
		open[i].Phase = x.Phase()
	}
	var all []observe.Connection
	for i, s := range x.All() {
		found := s.Connections()
		for j := range found {
			if i > 0 && found[j].Phase == observe.Start {
				found[j].Phase = observe.Restart // as for writes, see inPhase
			}
		}
		all = observe.MergeConnections(all, found)
	}
	return observe.MergeConnections(all, open), err
}

// DeniedPorts returns the TCP ports that something in the container was refused to bind, sorted.
func (x *Starts) DeniedPorts() []int {
	var found []int
	for _, s := range x.All() {
		for _, b := range s.Binds() {
			if b.Outcome == observe.Denied {
				found = append(found, b.Port)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// Usage returns what folders of the container hold, which is much quicker than reading them. ok is false where the
// observer cannot say.
func (x *Starts) Usage(ctx context.Context, paths []string) (use []observe.Usage, ok bool) {
	s := x.Last()
	if s == nil {
		return nil, false
	}
	use, err := s.Usage(ctx, paths)
	return use, err == nil && len(use) == len(paths)
}

// Processes returns the processes of the container. ok is false where the observer cannot say.
func (x *Starts) Processes(ctx context.Context) (found []observe.Process, ok bool) {
	s := x.Last()
	if s == nil {
		return nil, false
	}
	found, err := s.Processes(ctx)
	return found, err == nil || errors.Is(err, ErrEnded) // an ended container has no processes
}
