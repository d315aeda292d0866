package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxLive bounds the lines of running trials: the live view must fit any terminal.
const maxLive = 8

// ProgressOptions say how progress is shown.
type ProgressOptions struct {
	Terminal bool // lines that are rewritten, rather than a line a step
	Quiet    bool // nothing at all
	Color    bool // escape codes for colours
	Width    int  // columns of the terminal; 0 means 80

	Redact func(string) string // hides secrets in a text, before it is cut to the width; nil for none
}

// Progress shows the latest step of a run, with the seconds since the run began. On a terminal it also shows each running
// trial, with its own seconds. It is safe for concurrent use.
type Progress struct {
	w     io.Writer
	opt   ProgressOptions
	began time.Time

	mu      sync.Mutex
	step    string
	running []*runningTrial
	targets []*TargetProgress // of a run with several targets
	live    liveView
	done    bool
	stop    chan struct{} // closed by Done
	stopped chan struct{} // closed when the ticker has ended; nil when there is none
}

// runningTrial is a trial that has begun and not ended.
type runningTrial struct {
	name  string
	began time.Time
}

// NewProgress returns a Progress that shows nothing until the first Step. Its Done must be called at the end.
func NewProgress(w io.Writer, opt ProgressOptions) *Progress {
	if opt.Width <= 0 {
		opt.Width = usualWidth
	}
	if opt.Redact == nil {
		opt.Redact = same[string]
	}
	return &Progress{w: w, opt: opt, began: time.Now(), live: liveView{w: w}, stop: make(chan struct{})}
}

// Step shows what happens now. After Done it does nothing.
func (p *Progress) Step(line string) {
	line = clean(p.opt.Redact(line))
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done || p.opt.Quiet || line == p.step {
		return
	}
	p.step = line
	if !p.opt.Terminal {
		_, _ = fmt.Fprintf(p.w, "%s %s\n", elapsed(p.began), line) // progress that cannot be shown stops nothing
		return
	}
	p.refresh()
}

// Begin shows a trial as running until the returned function is called. It shows nothing where there is no terminal: Step
// has a line for the beginning and the end of each trial.
func (p *Progress) Begin(trial string) (end func()) {
	t := &runningTrial{clean(p.opt.Redact(trial)), time.Now()}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done || p.opt.Quiet || !p.opt.Terminal {
		return func() {}
	}
	p.running = append(p.running, t)
	p.refresh()
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.running = slices.DeleteFunc(p.running, func(o *runningTrial) bool { return o == t })
		if !p.done {
			p.refresh()
		}
	}
}

// Done clears the live view and returns when nothing writes any longer. It may be called more than once.
func (p *Progress) Done() {
	p.mu.Lock()
	stopped := p.stopped
	if !p.done {
		p.done = true
		close(p.stop)
		p.live.show(nil)
	}
	p.mu.Unlock()
	if stopped != nil {
		<-stopped
	}
}

// refresh shows the live view, and starts the ticker that counts its seconds. The caller holds mu.
func (p *Progress) refresh() {
	if p.stopped == nil {
		p.stopped = make(chan struct{})
		go p.tick(p.stopped)
	}
	p.live.show(p.lines())
}

// tick counts the seconds of the live view.
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
				p.live.show(p.lines())
			}
			p.mu.Unlock()
		}
	}
}

// lines returns the lines of the live view: the latest step, and each running trial. The last column stays free: a full line
// would wrap.
func (p *Progress) lines() []string {
	if len(p.targets) > 0 {
		return p.targetLines()
	}
	out := []string{p.line(p.began, p.step)}
	for i, t := range p.running {
		if i == maxLive {
			return append(out, cut(fmt.Sprintf("      and %d more", len(p.running)-i), p.opt.Width-1))
		}
		out = append(out, p.line(t.began, "  running: "+t.name))
	}
	return out
}

// line returns a line of the live view: the seconds since a moment, and a text.
func (p *Progress) line(began time.Time, text string) string {
	head := elapsed(began)
	return paint(p.opt.Color, dim, head) + " " + cut(text, p.opt.Width-1-width(head)-1)
}

func elapsed(since time.Time) string { return fmt.Sprintf("%4ds", int(time.Since(since).Seconds())) }

// liveView is a block of lines at the end of a terminal that is rewritten in place.
type liveView struct {
	w     io.Writer
	shown []string
}

// show replaces the block. The cursor stays at the beginning of the block's last line. The rest of longer lines is
// blanked, since not every terminal knows the code for it. Only the code that moves the cursor up is used, and only for
// blocks of several lines.
func (v *liveView) show(lines []string) {
	if len(v.shown) == 0 && len(lines) == 0 {
		return
	}
	var b strings.Builder
	rows := max(len(lines), len(v.shown))
	up(&b, len(v.shown)-1)
	for i := range rows {
		now, before := "", ""
		if i < len(lines) {
			now = lines[i]
		}
		if i < len(v.shown) {
			before = v.shown[i]
		}
		b.WriteString("\r" + now + strings.Repeat(" ", max(0, plainWidth(before)-plainWidth(now))))
		if i < rows-1 {
			b.WriteString("\n")
		}
	}
	up(&b, rows-max(len(lines), 1))
	b.WriteString("\r")
	v.shown = slices.Clone(lines)
	_, _ = io.WriteString(v.w, b.String())
}

// up moves the cursor up by a number of lines.
func up(b *strings.Builder, n int) {
	if n > 0 {
		fmt.Fprintf(b, "\x1b[%dA", n)
	}
}

// plainWidth returns the width of a text without its colours.
func plainWidth(s string) int { return width(painted.ReplaceAllString(s, "")) }
