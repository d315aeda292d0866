package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// ProgressOptions say how progress is shown.
type ProgressOptions struct {
	Terminal bool // one line that is rewritten, rather than a line a step
	Quiet    bool // nothing at all
	Color    bool // escape codes for colours
	Width    int  // columns of the terminal; 0 means 80
}

// Progress shows what a run does at the moment, with the seconds since it began. It is safe for concurrent use.
type Progress struct {
	w     io.Writer
	opt   ProgressOptions
	began time.Time

	mu      sync.Mutex
	step    string
	shown   int // characters of the live line that are on the terminal
	done    bool
	stop    chan struct{} // closed by Done
	stopped chan struct{} // closed when the ticker has ended; nil when there is none
}

// NewProgress shows nothing until the first Step. Its Done must be called at the end.
func NewProgress(w io.Writer, opt ProgressOptions) *Progress {
	if opt.Width <= 0 {
		opt.Width = usualWidth
	}
	return &Progress{w: w, opt: opt, began: time.Now(), stop: make(chan struct{})}
}

// Step tells what happens now. After Done it does nothing.
func (p *Progress) Step(line string) {
	line = clean(line)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done || p.opt.Quiet || line == p.step {
		return
	}
	p.step = line
	if !p.opt.Terminal {
		_, _ = fmt.Fprintf(p.w, "%s %s\n", p.elapsed(), line) // progress that cannot be shown stops nothing
		return
	}
	if p.stopped == nil {
		p.stopped = make(chan struct{})
		go p.tick(p.stopped)
	}
	p.show()
}

// Done clears the live line and returns when nothing writes any more. It may be called more than once.
func (p *Progress) Done() {
	p.mu.Lock()
	stopped := p.stopped
	if !p.done {
		p.done = true
		close(p.stop)
		p.overwrite("", "")
	}
	p.mu.Unlock()
	if stopped != nil {
		<-stopped
	}
}

// tick counts the seconds on the live line.
func (p *Progress) tick(stopped chan<- struct{}) {
	defer close(stopped)
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-t.C:
			p.mu.Lock()
			if !p.done {
				p.show()
			}
			p.mu.Unlock()
		}
	}
}

func (p *Progress) elapsed() string {
	return fmt.Sprintf("%4ds", int(time.Since(p.began).Seconds()))
}

func (p *Progress) show() {
	head := p.elapsed()
	p.overwrite(head, " "+cut(p.step, p.opt.Width-1-width(head)-1))
}

// overwrite replaces the live line. It blanks what is left of the longer line before, rather than trust that the
// terminal knows the code for it. The last column stays free: a full line would wrap.
func (p *Progress) overwrite(head, rest string) {
	if p.shown == 0 && head == "" {
		return
	}
	n := width(head + rest)
	s := "\r" + paint(p.opt.Color, dim, head) + rest + strings.Repeat(" ", max(0, p.shown-n))
	if n == 0 {
		s += "\r"
	}
	p.shown = n
	_, _ = io.WriteString(p.w, s)
}
