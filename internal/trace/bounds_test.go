package trace

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/observe"
)

// played is a stream that holds what an observer has written.
type played struct {
	io.Reader
}

func (played) Write(p []byte) (int, error) { return len(p), nil }
func (played) Close() error                { return nil }

// replay receives what an observer has written, to its end.
func replay(out io.Reader) *Session {
	s := Attach(played{out})
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
	if got := counted(tb.keys) + counted(tb.names); got > maxBytes || tb.bytes > maxBytes || tb.bytes < got {
		t.Errorf("the observer keeps %d bytes and counts %d, want at most %d", got, tb.bytes, maxBytes)
	}
	if len(tb.keys) == 0 || len(tb.keys)+tb.lost != n {
		t.Errorf("%d kept and %d lost, of %d", len(tb.keys), tb.lost, n)
	}
	s := replay(&out)
	if s.bytes > maxBytes || len(s.Writes()) != len(tb.keys) || s.Status().Lost != tb.lost {
		t.Errorf("the session keeps %d writes in %d bytes, and %d are lost", len(s.writes), s.bytes, s.Status().Lost)
	}
}

// An observer that does not keep to the bound does not take the host's memory.
func TestSessionIsBoundedByBytes(t *testing.T) {
	const n = 20_000
	read, write := io.Pipe()
	go func() {
		out := &table{out: write}
		for i := 1; i <= n; i++ {
			w := observe.Write{Path: "/" + strings.Repeat("x", 4000), To: fmt.Sprint("/to/", i), Count: 1}
			out.send(message{Kind: kindWrite, Key: i, Write: &w})
		}
		out.send(message{Kind: kindCounts, Counts: [][2]int{{1, 5}, {n, 7}}})
		write.Close()
	}()
	s := replay(read)
	kept := len(s.Writes())
	if s.bytes > maxBytes || kept == 0 || kept == n {
		t.Errorf("%d writes in %d bytes, want at most %d", kept, s.bytes, maxBytes)
	}
	if got := s.Status().Lost; got != n-kept+7 {
		t.Errorf("%d are counted as lost, want %d", got, n-kept+7)
	}
}

func TestNotesAreBounded(t *testing.T) {
	var out bytes.Buffer
	tb := newTable(&out)
	const n = 10_000
	for i := range n {
		tb.note(kindNote, fmt.Sprintf("note %d %s", i, strings.Repeat("ü", 4000)))
	}
	tb.flush()
	tb.note(kindEnd, "")
	kept := 0
	for note := range tb.notes {
		kept += len(note)
	}
	if len(tb.notes) != maxNotes || kept > maxNotes*(maxNote+3) || tb.dropped != n-maxNotes {
		t.Errorf("the observer keeps %d notes of %d bytes, and %d are dropped", len(tb.notes), kept, tb.dropped)
	}
	status := replay(&out).Status()
	if len(status.Note) > (maxShown+1)*(maxNote+5) || !strings.HasSuffix(status.Note, fmt.Sprintf("%d more notes were dropped", n-maxShown)) {
		t.Errorf("the note has %d bytes and ends with %q", len(status.Note), status.Note[max(0, len(status.Note)-100):])
	}
}

// A message that is too long is counted; those around it are received.
func TestOverlongMessage(t *testing.T) {
	lines := `{"k":"on"}` + "\n" + `{"k":"note","note":"` + strings.Repeat("x", 2*maxLine) + `"}` + "\n" + `{"k":"end"}` + "\n"
	s := replay(strings.NewReader(lines))
	if err := s.Started(context.Background()); err != nil {
		t.Error(err)
	}
	if got := s.Status(); !got.On || got.Lost != 1 || got.Note != "" || got.Broken {
		t.Errorf("status %+v", got)
	}
}
