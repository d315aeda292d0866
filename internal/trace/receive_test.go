package trace

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace/wire"
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

// An observer that does not keep to the bound does not take the host's memory.
func TestSessionIsBoundedByBytes(t *testing.T) {
	const n = 20_000
	read, write := io.Pipe()
	go func() {
		out := json.NewEncoder(write)
		for i := 1; i <= n; i++ {
			w := observe.Write{Path: "/" + strings.Repeat("x", 4000), To: fmt.Sprint("/to/", i), Count: 1}
			_ = out.Encode(wire.Message{Kind: wire.KindWrite, Key: i, Write: &w})
		}
		_ = out.Encode(wire.Message{Kind: wire.KindCounts, Counts: [][2]int{{1, 5}, {n, 7}}})
		write.Close()
	}()
	s := replay(read)
	kept := len(s.Writes())
	if s.bytes > wire.MaxBytes || kept == 0 || kept == n {
		t.Errorf("%d writes in %d bytes, want at most %d", kept, s.bytes, wire.MaxBytes)
	}
	if got := s.Status().Lost; got != n-kept+7 {
		t.Errorf("%d are counted as lost, want %d", got, n-kept+7)
	}
}

// A message that is too long is counted; those around it are received.
func TestOverlongMessage(t *testing.T) {
	lines := `{"k":"on"}` + "\n" + `{"k":"note","note":"` + strings.Repeat("x", 2*wire.MaxLine) + `"}` + "\n" + `{"k":"end"}` + "\n"
	s := replay(strings.NewReader(lines))
	if err := s.Started(context.Background()); err != nil {
		t.Error(err)
	}
	if got := s.Status(); !got.On || got.Lost != 1 || got.Note != "" || got.Broken {
		t.Errorf("status %+v", got)
	}
}
