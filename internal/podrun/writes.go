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
	s := x.starts.Last()
	if s == nil {
		return nil, x.inspectionError()
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
		err = x.inspectionError()
	}
	return nil, err
}

// connections returns the connections that the tracer saw until now, and those that are open. The observer's answer about
// the latter follows all that it has traced before.
func (x *tracer) connections(ctx context.Context) ([]observe.Connection, error) {
	if x.starts.Last() == nil {
		return nil, x.inspectionError()
	}
	found, err := x.starts.Connections(ctx)
	if errors.Is(err, trace.ErrEnded) || errors.Is(err, trace.ErrLost) {
		err = ended(ctx) // those that were traced are all that can be known
	}
	return found, err
}

func (x *tracer) inspectionError() error {
	if why := x.reason(); why != "" {
		return fmt.Errorf("%w: %s", engine.ErrCannotInspect, why)
	}
	return engine.ErrCannotInspect
}

// writes returns what the tracer saw until now, sorted by path, and how far it saw. running says whether the container
// runs.
func (x *tracer) writes(running func() bool) ([]observe.Write, observe.Trace) {
	if !x.traced() || x.starts.Last() == nil {
		return nil, observe.Trace{Note: x.reason()}
	}
	x.starts.Drain(running())
	writes, all := x.starts.Writes()
	if x.isBroken() {
		all.Broken = true
		all.Lost++
	}
	notes := addNote(nil, all.Note)
	notes = addNote(notes, x.reason())
	var note string
	all.Unseen, note = x.commands.list()
	all.Note = strings.Join(addNote(notes, note), "; ")
	return writes, all
}

func addNote(notes []string, note string) []string {
	if note == "" || slices.Contains(notes, note) {
		return notes
	}
	return append(notes, note)
}
