package report

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// screen is what a terminal of one line shows after it was written to, trailing spaces removed.
func screen(out string) string {
	var line []rune
	at := 0
	for _, r := range out {
		if r == '\r' {
			at = 0
			continue
		}
		if at == len(line) {
			line = append(line, ' ')
		}
		line[at] = r
		at++
	}
	return strings.TrimRight(string(line), " ")
}

// safe is a buffer that may be written to from several goroutines.
type safe struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safe) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safe) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestProgressOnATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
		var w safe
		p := NewProgress(&w, ProgressOptions{Terminal: true, Width: 30})
		expect := func(want string) {
			t.Helper()
			synctest.Wait()
			if got := screen(w.String()); got != want {
				t.Errorf("the terminal shows %q, want %q", got, want)
			}
		}
		expect("")
		p.Step("open run: as the image says, and more than fits")
		expect("   0s open run: as the ima...")
		time.Sleep(61*time.Second + time.Millisecond)
		expect("  61s open run: as the ima...")
		p.Step("short\x1b[2J\nstep")
		expect(`  61s short\nstep`)
		p.Done()
		expect("")
		p.Step("too late")
		p.Done()
		expect("")
		if strings.Contains(w.String(), "\n") || strings.Contains(w.String(), "\x1b") {
			t.Errorf("more than one plain line: %q", w.String())
		}
		if !strings.HasSuffix(w.String(), "\r") {
			t.Errorf("the cursor is not at the beginning: %q", w.String())
		}
	})
}

func TestProgressWithoutATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w bytes.Buffer
		p := NewProgress(&w, ProgressOptions{Color: true})
		p.Step("open run")
		time.Sleep(3 * time.Second)
		p.Step("sealed run 1")
		p.Step("sealed run 1")
		p.Done()
		if got, want := w.String(), "   0s open run\n   3s sealed run 1\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestProgressQuiet(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		var w bytes.Buffer
		p := NewProgress(&w, ProgressOptions{Terminal: terminal, Quiet: true})
		p.Step("open run")
		p.Done()
		if w.Len() > 0 {
			t.Errorf("terminal %v: wrote %q", terminal, w.String())
		}
	}
}

func TestProgressIsSafeForConcurrentUse(t *testing.T) {
	var w bytes.Buffer // the race detector tells of a write that is not guarded
	p := NewProgress(&w, ProgressOptions{Terminal: true})
	var g sync.WaitGroup
	for i := range 8 {
		g.Go(func() {
			for n := range 50 {
				p.Step(fmt.Sprint(i, n))
			}
			p.Done()
		})
	}
	g.Wait()
	p.Done()
	if got := screen(w.String()); got != "" {
		t.Errorf("the terminal still shows %q", got)
	}
}
