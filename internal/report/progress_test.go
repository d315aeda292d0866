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

// screen returns what a terminal shows after it was written to, trailing spaces and empty lines removed. It knows the code
// that moves the cursor up, and ignores colours.
func screen(out string) string {
	lines, row, at := [][]rune{nil}, 0, 0
	for i := 0; i < len(out); i++ {
		switch r := rune(out[i]); r {
		case '\r':
			at = 0
		case '\n':
			if row++; row == len(lines) {
				lines = append(lines, nil)
			}
		case '\x1b':
			var n int
			var code rune
			_, _ = fmt.Sscanf(out[i:], "\x1b[%d%c", &n, &code)
			if code == 'A' {
				row -= n
			}
			i += strings.IndexRune(out[i:], code)
		default:
			if at == len(lines[row]) {
				lines[row] = append(lines[row], ' ')
			}
			lines[row][at] = r
			at++
		}
	}
	var shown []string
	for _, l := range lines {
		shown = append(shown, strings.TrimRight(string(l), " "))
	}
	return strings.TrimRight(strings.Join(shown, "\n"), "\n")
}

// TestRunningTrials shows a line for each trial that runs.
func TestRunningTrials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w safe
		p := NewProgress(&w, ProgressOptions{Terminal: true, Width: 40, Color: true})
		expect := func(want string) {
			t.Helper()
			synctest.Wait()
			if got := screen(w.String()); got != want {
				t.Errorf("the terminal shows\n%s\nwant\n%s", got, want)
			}
		}
		p.Step("sealed run 1: passed")
		first := p.Begin("without mount /run")
		time.Sleep(2*time.Second + time.Millisecond)
		second := p.Begin("without mount /a/folder/with/a/long/name")
		expect("   2s sealed run 1: passed\n   2s   running: without mount /run\n   0s   running: without mount /a/fo...")
		first()
		first()
		expect("   2s sealed run 1: passed\n   0s   running: without mount /a/fo...")
		time.Sleep(2 * time.Second)
		expect("   4s sealed run 1: passed\n   1s   running: without mount /a/fo...")
		var ends []func()
		for range maxLive + 2 {
			ends = append(ends, p.Begin("more"))
		}
		if got := screen(w.String()); strings.Count(got, "\n") != maxLive+1 || !strings.HasSuffix(got, "and 3 more") {
			t.Errorf("the view has no bound:\n%s", got)
		}
		for _, end := range ends {
			end()
		}
		second()
		expect("   4s sealed run 1: passed")
		p.Done()
		expect("")
		if end := p.Begin("too late"); end == nil {
			t.Error("no function")
		} else {
			end()
		}
		expect("")
	})
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
	var w bytes.Buffer // the race detector reports a write that is not guarded
	p := NewProgress(&w, ProgressOptions{Terminal: true})
	var g sync.WaitGroup
	for i := range 8 {
		g.Go(func() {
			for n := range 50 {
				end := p.Begin(fmt.Sprint(i))
				p.Step(fmt.Sprint(i, n))
				end()
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
