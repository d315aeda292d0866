package trace

import (
	"bufio"
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
)

// ErrEnded is returned by requests to an observer that has ended, as it does with its target.
var ErrEnded = errors.New("the observer has ended")

// Session is the host's side of one observer. What was received stays readable after the observer's end. All methods
// may be called at the same time.
type Session struct {
	rw      io.ReadWriteCloser
	sending sync.Mutex // one line at a time
	started chan struct{}
	done    chan struct{}

	mu      sync.Mutex
	writes  []observe.Write // by key, from 1
	binds   []Bind
	on      bool
	notes   []string
	lost    int
	noise   int
	asked   int
	waiting map[int]chan message
}

// Attach speaks with an observer whose stdout and stdin are rw. It reads until the stream ends.
func Attach(rw io.ReadWriteCloser) *Session {
	s := &Session{rw: rw, started: make(chan struct{}), done: make(chan struct{}), waiting: map[int]chan message{}}
	go s.read()
	return s
}

// Done is closed when the observer's stream has ended and all of it was read.
func (s *Session) Done() <-chan struct{} { return s.done }

// Started waits until the sensor has either handed over or given up, so that the application runs; the error is
// ErrEnded when the observer ended before, or the context's.
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
			return fmt.Errorf("waiting for the sensor: %w", ErrEnded)
		}
	case <-ctx.Done():
		return fmt.Errorf("waiting for the sensor: %w", ctx.Err())
	}
}

// Phase tells the observer which phase begins, and waits until it knows.
func (s *Session) Phase(ctx context.Context, p observe.Phase) error {
	_, err := s.ask(ctx, request{Do: doPhase, Phase: p})
	return err
}

// Target names the target's first process, by its number on the engine's host. The observer accepts no sensor until then,
// and only that process's.
func (s *Session) Target(ctx context.Context, pid int) error {
	_, err := s.ask(ctx, request{Do: doTarget, PID: pid})
	return err
}

// Admit names a process that the engine has executed in the target, by its number on the engine's host. The observer
// accepts one connection of its sensor.
func (s *Session) Admit(ctx context.Context, pid int) error {
	_, err := s.ask(ctx, request{Do: doAdmit, PID: pid})
	return err
}

// Processes returns the processes of the target, by number.
func (s *Session) Processes(ctx context.Context) ([]observe.Process, error) {
	m, err := s.ask(ctx, request{Do: doProcesses})
	slices.SortFunc(m.Processes, func(a, b observe.Process) int { return cmp.Compare(a.PID, b.PID) })
	return m.Processes, err
}

// Listening returns the TCP ports that something in the target's network namespace listens on, sorted.
func (s *Session) Listening(ctx context.Context) ([]int, error) {
	m, err := s.ask(ctx, request{Do: doListening})
	return m.Ports, err
}

// Usage returns what the folders of the target hold, in the order asked.
func (s *Session) Usage(ctx context.Context, paths []string) ([]observe.Usage, error) {
	m, err := s.ask(ctx, request{Do: doUsage, Paths: paths})
	return m.Usage, err
}

// Writes returns what was seen until now, sorted.
func (s *Session) Writes() []observe.Write {
	s.mu.Lock()
	writes := slices.Clone(s.writes)
	s.mu.Unlock()
	slices.SortStableFunc(writes, compareWrites)
	return writes
}

func compareWrites(a, b observe.Write) int {
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Call, b.Call), cmp.Compare(a.To, b.To),
		cmp.Compare(a.Phase, b.Phase), cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Errno, b.Errno),
		cmp.Compare(a.UID, b.UID), cmp.Compare(a.GID, b.GID), cmp.Compare(a.Command, b.Command), cmp.Compare(a.PID, b.PID))
}

// Binds returns the attempts to bind fixed ports until now, sorted by port.
func (s *Session) Binds() []Bind {
	s.mu.Lock()
	binds := slices.Clone(s.binds)
	s.mu.Unlock()
	slices.SortStableFunc(binds, func(a, b Bind) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.PID, b.PID))
	})
	return binds
}

// Status tells how far the tracer saw until now.
func (s *Session) Status() observe.Trace {
	s.mu.Lock()
	defer s.mu.Unlock()
	return observe.Trace{On: s.on, Note: strings.Join(s.notes, "; "), Lost: s.lost}
}

// Noise is how many attempts were set aside: on devices, pipes, /dev, /proc and /sys, and on deleted files.
func (s *Session) Noise() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.noise
}

// Close closes the stream. The observer goes on answering calls until its target ends.
func (s *Session) Close() error {
	if err := s.rw.Close(); err != nil {
		return fmt.Errorf("closing the observer's stream: %w", err)
	}
	return nil
}

func (s *Session) ask(ctx context.Context, r request) (message, error) {
	answer := make(chan message, 1)
	s.mu.Lock()
	s.asked++
	r.ID = s.asked
	s.waiting[r.ID] = answer
	s.mu.Unlock()
	defer s.forget(r.ID)

	if err := s.send(r); err != nil {
		return message{}, fmt.Errorf("asking the observer for %s: %w", r.Do, err)
	}
	select {
	case m := <-answer:
		if m.Note != "" {
			return m, fmt.Errorf("asking the observer for %s: %s", r.Do, m.Note)
		}
		return m, nil
	case <-s.done:
		return message{}, fmt.Errorf("asking the observer for %s: %w", r.Do, ErrEnded)
	case <-ctx.Done():
		return message{}, fmt.Errorf("asking the observer for %s: %w", r.Do, ctx.Err())
	}
}

func (s *Session) forget(id int) {
	s.mu.Lock()
	delete(s.waiting, id)
	s.mu.Unlock()
}

func (s *Session) send(r request) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	select {
	case <-s.done:
		return ErrEnded
	default:
	}
	_, err = s.rw.Write(append(line, '\n'))
	return err
}

func (s *Session) read() {
	defer close(s.done)
	lines := bufio.NewReaderSize(s.rw, 1<<16)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return // the end; a line that was cut off by it is no message
		}
		var m message
		if json.Unmarshal(line, &m) == nil {
			s.take(m)
		}
	}
}

// take puts one message in its place. Keys come in order from 1; anything else is a broken stream and is passed over.
func (s *Session) take(m message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch m.Kind {
	case kindOn:
		s.on = true
		s.start()
	case kindOff:
		s.note(m.Note)
		s.start()
	case kindNote:
		s.note(m.Note)
	case kindWrite:
		if m.Write != nil && m.Key == len(s.writes)+1 {
			s.writes = append(s.writes, *m.Write)
		}
	case kindBind:
		if m.Bind != nil {
			s.binds = append(s.binds, *m.Bind)
		}
	case kindCounts:
		s.count(m)
	case kindReply:
		if answer, ok := s.waiting[m.Reply]; ok {
			answer <- m
			delete(s.waiting, m.Reply)
		}
	}
}

func (s *Session) count(m message) {
	for _, c := range m.Counts {
		if key := c[0]; key >= 1 && key <= len(s.writes) {
			s.writes[key-1].Count += c[1]
		}
	}
	s.lost, s.noise = max(s.lost, m.Lost), max(s.noise, m.Noise)
}

// start is called with mu held.
func (s *Session) start() {
	select {
	case <-s.started:
	default:
		close(s.started)
	}
}

func (s *Session) note(n string) {
	if n != "" && !slices.Contains(s.notes, n) && len(s.notes) < 20 {
		s.notes = append(s.notes, n)
	}
}
