package podrun

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace"
	"github.com/podseal/podseal/internal/trace/wire"
)

// startsHost is a host whose observers do what they are asked for at once. It records what they are asked for.
type startsHost struct {
	observerHost
	t *testing.T

	mu    sync.Mutex
	asked []string // "NUMBER WHAT": the observer's number from 1, and a process or a phase
	count int
}

func (h *startsHost) Observe(context.Context, trace.ObserverOptions) (*trace.Session, error) {
	here, far := net.Pipe()
	s := trace.Attach(here)
	h.t.Cleanup(func() { _ = far.Close(); <-s.Done() })
	h.mu.Lock()
	h.count++
	number := h.count
	h.mu.Unlock()
	go h.serve(far, number)
	return s, nil
}

func (h *startsHost) serve(far net.Conn, number int) {
	in := bufio.NewReader(far)
	for {
		line, err := in.ReadBytes('\n')
		var r wire.Request
		if err != nil || json.Unmarshal(line, &r) != nil {
			_ = far.Close() // as an observer ends that has no target
			return
		}
		h.mu.Lock()
		switch r.Do {
		case wire.DoPhase:
			h.asked = append(h.asked, fmt.Sprint(number, " ", r.Phase))
		case wire.DoTarget:
			h.asked = append(h.asked, fmt.Sprint(number, " ", r.PID))
		}
		h.mu.Unlock()
		_, _ = fmt.Fprintf(far, `{"k":"reply","reply":%d}`+"\n", r.ID)
		if r.Do == wire.DoTarget {
			_, _ = fmt.Fprintln(far, `{"k":"on"}`)
		}
	}
}

// targets returns the processes that observers were given.
func (h *startsHost) targets() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(slices.DeleteFunc(slices.Clone(h.asked), func(a string) bool {
		_, what, _ := strings.Cut(a, " ")
		_, err := strconv.Atoi(what)
		return err != nil
	}), ", ")
}

// starts is a container and its tracer.
type starts struct {
	*tracer
	host *startsHost
	pids []int // of the first process at each question; the last one is for all later questions
}

func newStarts(t *testing.T) *starts {
	t.Helper()
	host := &startsHost{t: t}
	s := &starts{tracer: &tracer{host: host}, host: host}
	s.pids = []int{10}
	s.begin(t.Context())
	s.starting.Lock()
	defer s.starting.Unlock()
	if err := s.await(t.Context(), s.pid); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *starts) pid(context.Context) (int, error) {
	now := s.pids[0]
	if len(s.pids) > 1 {
		s.pids = s.pids[1:]
	}
	if now < 0 {
		return 0, errors.New("no such container")
	}
	return now, nil
}

// event is the news of a start. The first process is the last of pids.
func (s *starts) event(t *testing.T, pids ...int) {
	t.Helper()
	s.pids = pids
	s.observeAgain(t.Context(), s.options, s.pid)
}

// Each start of a container has one observer, in whatever number and order an engine sends the events of the starts.
func TestEachStartIsObservedOnce(t *testing.T) {
	for _, c := range []struct {
		name   string
		events [][]int
		want   string
	}{
		{"events of podseal's own start are lost", [][]int{{20}}, "1 10, 2 20"},
		{"its own start comes twice", [][]int{{10}, {10}, {20}}, "1 10, 2 20"},
		{"a start comes twice", [][]int{{10}, {20}, {20}}, "1 10, 2 20"},
		{"started again before the first of two is observed", [][]int{{10}, {30}, {30}}, "1 10, 2 30"},
		{"started again while an observer comes", [][]int{{10}, {20, 30}, {30}}, "1 10, 2 30"},
		{"ended again before its observer is needed", [][]int{{10}, {0}}, "1 10"},
		{"ended again while an observer comes", [][]int{{10}, {20, 0}, {30}}, "1 10, 3 30"},
		{"removed", [][]int{{10}, {-1}}, "1 10"},
		{"removed while an observer comes", [][]int{{10}, {20, -1}}, "1 10"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStarts(t)
			for _, pids := range c.events {
				s.event(t, pids...)
			}
			if got := s.host.targets(); got != c.want {
				t.Errorf("observers and their processes: %s, not %s", got, c.want)
			}
			// An observer that got no process must not turn the trace of the others off.
			for n, session := range s.starts.All() {
				if err := session.Started(t.Context()); err != nil {
					t.Errorf("observer %d of a start that it does not trace: %v", n+1, err)
				}
			}
		})
	}
}

// The event of podseal's own start may come before the start has an observer.
func TestEventDuringOwnStart(t *testing.T) {
	s := newStarts(t)
	s.pids = []int{20}
	s.begin(t.Context())
	s.starting.Lock()
	handled := make(chan struct{})
	go func() { defer close(handled); s.observeAgain(t.Context(), s.options, s.pid) }()
	if err := s.await(t.Context(), s.pid); err != nil {
		t.Fatal(err)
	}
	s.starting.Unlock()
	<-handled
	if got := s.host.targets(); got != "1 10, 2 20" {
		t.Errorf("observers and their processes: %s", got)
	}
}

// A phase may begin while the observer of a start comes.
func TestPhaseOfLateObserver(t *testing.T) {
	s := newStarts(t)
	asked := 0
	s.observeAgain(t.Context(), s.options, func(context.Context) (int, error) {
		if asked++; asked == 2 { // the observer has the phase, and is not the current one yet
			s.starts.Begin(observe.E2E)
		}
		return 20, nil
	})
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	last := ""
	for _, a := range s.host.asked {
		if number, what, _ := strings.Cut(a, " "); number == "2" && what != "20" {
			last = what
		}
	}
	if last != string(observe.E2E) {
		t.Errorf("the phase of the second observer is %q: %q", last, s.host.asked)
	}
}

// A tracer that is closed while the observer of a start comes closes that one as well.
func TestCloseWithLateObserver(t *testing.T) {
	s := newStarts(t)
	s.unfollow = func() {}
	asked, closed := 0, make(chan error, 1)
	s.observeAgain(t.Context(), s.options, func(context.Context) (int, error) {
		if asked++; asked == 2 { // the observer is not the current one yet
			go func() { closed <- s.close(t.Context()) }()
			select {
			case err := <-closed:
				closed <- err
			case <-time.After(50 * time.Millisecond): // it waits
			}
		}
		return 20, nil
	})
	if err := <-closed; err != nil {
		t.Error(err)
	}
	all := s.starts.All()
	if len(all) != 2 {
		t.Fatalf("%d observers", len(all))
	}
	for _, session := range all {
		if err := session.Admit(t.Context(), 1); err == nil {
			t.Error("an observer takes requests after its tracer was closed")
		}
	}
}
