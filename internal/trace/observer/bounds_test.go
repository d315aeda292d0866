package observer

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace"
	"github.com/podseal/podseal/internal/trace/wire"
)

// played is a stream that holds what an observer has written.
type played struct {
	io.Reader
}

func (played) Write(p []byte) (int, error) { return len(p), nil }
func (played) Close() error                { return nil }

// replay receives what an observer has written, to its end.
func replay(out io.Reader) *trace.Session {
	s := trace.Attach(played{out})
	<-s.Done()
	return s
}

// counted sums the bytes of the paths in keys.
func counted(keys map[key]int) (n int) {
	for k := range keys {
		n += len(k.path) + len(k.to)
	}
	return n
}

// 100,000 writes with two paths of 4 KB each are 800 MB. The observer and the session keep what their bound allows, and
// count the others as lost.
func TestMemoryIsBoundedByBytes(t *testing.T) {
	var out bytes.Buffer
	tb := newTable(&out)
	const n = 100_000
	long := strings.Repeat("x", 4000)
	for i := range n {
		name := fmt.Sprintf("/folder%d/%s/file%d", i, long, i)
		tb.add(&caller{command: "flood"}, observe.Write{Path: name, To: "/to" + name, Call: "rename", Outcome: observe.Allowed})
	}
	tb.flush()
	if got := counted(tb.keys) + counted(tb.names); got > wire.MaxBytes || tb.bytes > wire.MaxBytes || tb.bytes < got {
		t.Errorf("the observer keeps %d bytes and counts %d, want at most %d", got, tb.bytes, wire.MaxBytes)
	}
	if len(tb.keys) == 0 || len(tb.keys)+tb.lost != n {
		t.Errorf("%d kept and %d lost, of %d", len(tb.keys), tb.lost, n)
	}
	s := replay(&out)
	if len(s.Writes()) != len(tb.keys) || s.Status().Lost != tb.lost {
		t.Errorf("the session keeps %d writes, and %d are lost", len(s.Writes()), s.Status().Lost)
	}
}

// shown is how many notes a session keeps.
const shown = 20

func TestNotesAreBounded(t *testing.T) {
	var out bytes.Buffer
	tb := newTable(&out)
	const n = 10_000
	for i := range n {
		tb.note(wire.KindNote, fmt.Sprintf("note %d %s", i, strings.Repeat("ü", 4000)))
	}
	tb.flush()
	tb.note(wire.KindEnd, "")
	kept := 0
	for note := range tb.notes {
		kept += len(note)
	}
	if len(tb.notes) != wire.MaxNotes || kept > wire.MaxNotes*(wire.MaxNote+3) || tb.dropped != n-wire.MaxNotes {
		t.Errorf("the observer keeps %d notes of %d bytes, and %d are dropped", len(tb.notes), kept, tb.dropped)
	}
	status := replay(&out).Status()
	if len(status.Note) > (shown+1)*(wire.MaxNote+5) || !strings.HasSuffix(status.Note, fmt.Sprintf("%d more notes were dropped", n-shown)) {
		t.Errorf("the note has %d bytes and ends with %q", len(status.Note), status.Note[max(0, len(status.Note)-100):])
	}
}
