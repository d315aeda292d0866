//go:build linux && engine

package trace_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace"
)

// A process of the target that speaks to its observer adds nothing to the trace, neither before nor while a command is
// admitted.
func TestHostileTarget(t *testing.T) {
	l := needEngine(t)
	r := l.start(t, nil, "app", "hostile", "/tmp/end")
	r.started(t)
	r.says(t, "round 20")
	l.exec(t, r, trace.SensorArgs([]string{"app", "touch", "/tmp/end"}, trace.SensorOptions{Socket: r.opts.Socket}))
	if code := r.end(t); code != 0 {
		t.Fatal(r.logs(t))
	}
	wantHonest(t, r, "open /tmp/end allowed")
	if log := r.logs(t); strings.Contains(log, "answered") {
		t.Error(log)
	}
}

// The loss of an observer is reported, and so is the end of one that lost nothing.
func TestLostObserver(t *testing.T) {
	l := needEngine(t)
	r := l.start(t, nil, "app", "wait")
	r.started(t)
	if s := r.session.Status(); !s.On || s.Broken {
		t.Fatalf("status: %+v", s)
	}
	l.must(t, "kill", r.observer)
	<-r.session.Done()
	if s := r.session.Status(); !s.Broken || s.Lost == 0 || s.Note == "" {
		t.Errorf("status: %+v", s)
	}
	whole := l.start(t, nil, "app", "wait")
	whole.started(t)
	l.must(t, "kill", whole.id)
	<-whole.session.Done()
	if s := whole.session.Status(); s.Broken || s.Lost > 0 || s.Note != "" {
		t.Errorf("status: %+v", s)
	}
}

// A process of one target does not take the observer of another, which waits for its own.
func TestHostileNeighbour(t *testing.T) {
	l := needEngine(t)
	hostile := l.must(t, "run", "-d", "-v", l.volume+":"+trace.Mountpoint+":ro", "--entrypoint", "/bin/app", l.image,
		"hostile", "/none")
	t.Cleanup(func() { _, _ = docker(nil, "rm", "-f", "-v", hostile) })
	neighbour := &traced{id: hostile}
	neighbour.says(t, "round 20")
	r := l.start(t, nil, "app", "touch", "/tmp/own")
	if code := r.end(t); code != 0 {
		t.Fatal(r.logs(t))
	}
	wantHonest(t, r, "open /tmp/own allowed")
	if log := neighbour.logs(t); strings.Contains(log, "answered") {
		t.Error(log)
	}
}

// wantHonest compares a trace with the writes that were made, and wants no note.
func wantHonest(t *testing.T, r *traced, want ...string) {
	t.Helper()
	if got := lines(r.session.Writes()); !slices.Equal(got, want) {
		t.Errorf("writes: %q, want %q", got, want)
	}
	if s := r.session.Status(); !s.On || s.Note != "" || s.Lost != 0 {
		t.Errorf("status: %+v, want %+v", s, observe.Trace{On: true})
	}
	if binds := r.session.Binds(); len(binds) > 0 {
		t.Errorf("binds: %+v", binds)
	}
}

// says waits until a target has logged something.
func (r *traced) says(t *testing.T, what string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !strings.Contains(r.logs(t), what); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the target does not say %q: %s", what, r.logs(t))
		}
	}
}
