package trace

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace/wire"
)

var (
	// ErrEnded is returned by requests about a target that has ended; its observer ends with it.
	ErrEnded = errors.New("the container has ended")
	// ErrLost is returned by requests to an observer that ended before its target, as one that was killed.
	ErrLost = errors.New("the observer was lost before the container had ended")
)

// maxShown bounds the notes of a Session.
const maxShown = 20

// Session is the host's connection to one observer. Its data are kept after the observer's end. All methods are safe for
// concurrent use.
type Session struct {
	rw      io.ReadWriteCloser
	sending sync.Mutex // one line at a time
	started chan struct{}
	done    chan struct{}

	mu          sync.Mutex
	writes      []observe.Write // by key, from 1
	binds       []wire.Bind
	identities  []observe.Process
	connections []observe.Connection
	on          bool
	ended       bool // the observer has said that its target has ended
	closed      bool // by Close
	bytes       int  // of writes, by wire.KeySize
	full        bool // no further writes are kept
	notes       []string
	lost        int // by the observer
	missed      int // here: writes beyond the bounds, and messages that were too long
	noise       int
	dropped     int // notes, by the observer
	unshown     int // notes, here
	asked       int
	waiting     map[int]chan wire.Message
}

// Attach returns a session with the observer whose stdout and stdin are rw. It reads until the stream ends.
func Attach(rw io.ReadWriteCloser) *Session {
	s := &Session{rw: rw, started: make(chan struct{}), done: make(chan struct{}), waiting: map[int]chan wire.Message{}}
	go s.read()
	return s
}

// Done returns a channel that is closed when the observer's stream has ended and all of it was read.
func (s *Session) Done() <-chan struct{} { return s.done }

// Started waits until the sensor has either handed over or given up, so that the application runs; the error is
// ErrEnded or ErrLost when the observer ended before, or the context's.
func (s *Session) Started(ctx context.Context) error {
	select {
	case <-s.started:
		return nil
	default:
	}
	select {
	case <-s.started:
		return nil
	case <-s.done:
		select {
		case <-s.started:
			return nil
		default:
			return fmt.Errorf("waiting for the sensor: %w", s.reason())
		}
	case <-ctx.Done():
		return fmt.Errorf("waiting for the sensor: %w", ctx.Err())
	}
}

// Phase announces that a phase begins, and waits until the observer has confirmed it.
func (s *Session) Phase(ctx context.Context, p observe.Phase) error {
	_, err := s.ask(ctx, wire.Request{Do: wire.DoPhase, Phase: p})
	return err
}

// Target names the target's first process, by its number on the engine's host. The observer accepts no sensor until then,
// and only that process's.
func (s *Session) Target(ctx context.Context, pid int) error {
	_, err := s.ask(ctx, wire.Request{Do: wire.DoTarget, PID: pid})
	return err
}

// Admit names a process that the engine has executed in the target, by its number on the engine's host. The observer
// accepts one connection of its sensor.
func (s *Session) Admit(ctx context.Context, pid int) error {
	_, err := s.ask(ctx, wire.Request{Do: wire.DoAdmit, PID: pid})
	return err
}

// Kill kills the target's first process with SIGKILL, and returns when the observer has ended with it.
func (s *Session) Kill(ctx context.Context) error {
	_, err := s.ask(ctx, wire.Request{Do: wire.DoKill})
	if errors.Is(err, ErrEnded) || errors.Is(err, ErrLost) {
		return nil
	}
	return err
}

// Processes returns the processes of the target, by number.
func (s *Session) Processes(ctx context.Context) ([]observe.Process, error) {
	m, err := s.ask(ctx, wire.Request{Do: wire.DoProcesses})
	slices.SortFunc(m.Processes, func(a, b observe.Process) int { return cmp.Compare(a.PID, b.PID) })
	return m.Processes, err
}

// Listening returns the TCP ports that something in the target's network namespace listens on, sorted.
func (s *Session) Listening(ctx context.Context) ([]int, error) {
	m, err := s.ask(ctx, wire.Request{Do: wire.DoListening})
	return m.Ports, err
}

// OpenConnections returns the connections to other machines that are open now in the target's network namespace. They name
// no process.
func (s *Session) OpenConnections(ctx context.Context) ([]observe.Connection, error) {
	m, err := s.ask(ctx, wire.Request{Do: wire.DoConnections})
	return m.Connections, err
}

// Usage returns the bytes and files in folders of the target, in the order of paths.
func (s *Session) Usage(ctx context.Context, paths []string) ([]observe.Usage, error) {
	m, err := s.ask(ctx, wire.Request{Do: wire.DoUsage, Paths: paths})
	return m.Usage, err
}

// Writes returns the writes until now, sorted.
func (s *Session) Writes() []observe.Write {
	s.mu.Lock()
	writes := slices.Clone(s.writes)
	s.mu.Unlock()
	slices.SortStableFunc(writes, compareWrites)
	return writes
}

func compareProcesses(a, b observe.Process) int {
	return cmp.Or(cmp.Compare(a.UID, b.UID), cmp.Compare(a.GID, b.GID), cmp.Compare(a.Command, b.Command),
		slices.Compare(a.Groups, b.Groups))
}

func compareWrites(a, b observe.Write) int {
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Call, b.Call), cmp.Compare(a.To, b.To),
		cmp.Compare(a.Phase, b.Phase), cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Errno, b.Errno),
		cmp.Compare(a.UID, b.UID), cmp.Compare(a.GID, b.GID), cmp.Compare(a.Command, b.Command), cmp.Compare(a.PID, b.PID))
}

// Binds returns the attempts to bind fixed ports until now, sorted by port.
func (s *Session) Binds() []wire.Bind {
	s.mu.Lock()
	binds := slices.Clone(s.binds)
	s.mu.Unlock()
	slices.SortStableFunc(binds, func(a, b wire.Bind) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.PID, b.PID))
	})
	return binds
}

// Connections returns the connections that the tracer saw until now, sorted.
func (s *Session) Connections() []observe.Connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	return observe.MergeConnections(s.connections, nil)
}

// Status returns how far the tracer saw until now.
func (s *Session) Status() observe.Trace {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := observe.Trace{On: s.on, Lost: s.lost + s.missed, Identities: slices.Clone(s.identities)}
	slices.SortStableFunc(t.Identities, compareProcesses)
	notes := slices.Clone(s.notes)
	if n := s.dropped + s.unshown; n > 0 {
		notes = append(notes, fmt.Sprintf("%d more notes were dropped", n))
	}
	select {
	case <-s.done:
		if t.Broken = !s.ended && !s.closed; t.Broken {
			t.Lost = max(t.Lost, 1)
			notes = append(notes, ErrLost.Error()+": what it wrote later was not traced")
		}
	default:
	}
	t.Note = strings.Join(notes, "; ")
	return t
}

// reason returns why the stream has ended.
func (s *Session) reason() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.closed {
		return ErrEnded
	}
	return ErrLost
}

// Noise returns how many attempts were not recorded because no mount concerns them: on devices, pipes, /dev, /proc and /sys, and on deleted files.
func (s *Session) Noise() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.noise
}

// Close closes the stream. The observer goes on answering calls until its target ends.
func (s *Session) Close() error {
	s.mu.Lock()
	select {
	case <-s.done:
	default:
		s.closed = true
	}
	s.mu.Unlock()
	if err := s.rw.Close(); err != nil {
		return fmt.Errorf("closing the observer's stream: %w", err)
	}
	return nil
}

func (s *Session) ask(ctx context.Context, r wire.Request) (wire.Message, error) {
	if err := ctx.Err(); err != nil { // an answer could come first
		return wire.Message{}, fmt.Errorf("asking the observer for %s: %w", r.Do, err)
	}
	answer := make(chan wire.Message, 1)
	s.mu.Lock()
	s.asked++
	r.ID = s.asked
	s.waiting[r.ID] = answer
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.waiting, r.ID)
		s.mu.Unlock()
	}()

	if err := s.send(r); err != nil {
		return wire.Message{}, fmt.Errorf("asking the observer for %s: %w", r.Do, err)
	}
	select {
	case m := <-answer:
		if m.Ended {
			return m, fmt.Errorf("asking the observer for %s: %w", r.Do, ErrEnded)
		}
		if m.Note != "" {
			return m, fmt.Errorf("asking the observer for %s: %s", r.Do, m.Note)
		}
		return m, nil
	case <-s.done:
		return wire.Message{}, fmt.Errorf("asking the observer for %s: %w", r.Do, s.reason())
	case <-ctx.Done():
		return wire.Message{}, fmt.Errorf("asking the observer for %s: %w", r.Do, ctx.Err())
	}
}

func (s *Session) send(r wire.Request) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	select {
	case <-s.done:
		return s.reason()
	default:
	}
	_, err = s.rw.Write(append(line, '\n'))
	return err
}
