package podrun

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace"
)

// listening returns the TCP ports that something in the container listens on. running reports whether the container runs:
// nothing listens in one that has ended.
func (x *tracer) listening(ctx context.Context, running func(context.Context) (bool, error)) ([]int, error) {
	s := x.sessions.last()
	if s == nil {
		return nil, x.cannotLook()
	}
	found, err := s.Listening(ctx)
	if err == nil {
		return found, nil
	}
	if fault := ended(ctx); fault != nil {
		return nil, fault
	}
	switch {
	case errors.Is(err, trace.ErrEnded):
		return nil, nil // nothing listens in a container that has ended, which the engine may report later
	case !errors.Is(err, trace.ErrLost):
		return nil, err
	}
	up, err := running(ctx)
	if err == nil && up {
		err = x.cannotLook()
	}
	return nil, err
}

// connections returns the connections that the tracer saw until now, and those that are open. The observer's answer about
// the latter follows all that it has traced before.
func (x *tracer) connections(ctx context.Context) ([]observe.Connection, error) {
	last := x.sessions.last()
	if last == nil {
		return nil, x.cannotLook()
	}
	open, err := last.OpenConnections(ctx)
	for i := range open {
		open[i].Phase = x.sessions.current()
	}
	if errors.Is(err, trace.ErrEnded) || errors.Is(err, trace.ErrLost) {
		err = ended(ctx) // those that were traced are all that can be known
	}
	var all []observe.Connection
	for i, s := range x.sessions.all() {
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

func (x *tracer) cannotLook() error {
	if why := x.reason(); why != "" {
		return fmt.Errorf("%w: %s", engine.ErrCannotInspect, why)
	}
	return engine.ErrCannotInspect
}

// writes returns what the tracer saw until now, sorted by path, and how far it saw. running says whether the container
// runs.
func (x *tracer) writes(running func() bool) ([]observe.Write, observe.Trace) {
	if !x.traced() || x.sessions.last() == nil {
		return nil, observe.Trace{Note: x.reason()}
	}
	x.sessions.drain(running())
	var writes []observe.Write
	all := observe.Trace{On: true, Broken: x.isBroken()}
	if all.Broken {
		all.Lost = 1
	}
	var notes []string
	for i, s := range x.sessions.all() {
		writes = append(writes, inPhase(s.Writes(), i > 0)...)
		status := s.Status()
		all.On = all.On && status.On
		all.Lost += status.Lost
		all.Broken = all.Broken || status.Broken
		all.Identities = addIdentities(all.Identities, status.Identities)
		notes = addNote(notes, status.Note)
	}
	notes = addNote(notes, x.reason())
	var note string
	all.Unseen, note = x.commands.list()
	all.Note = strings.Join(addNote(notes, note), "; ")
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

func addNote(notes []string, note string) []string {
	if note == "" || slices.Contains(notes, note) {
		return notes
	}
	return append(notes, note)
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
