package report

import (
	"fmt"
	"time"
)

// TargetProgress shows the progress of one of several targets. It is safe for concurrent use.
type TargetProgress struct {
	all     *Progress
	name    string
	step    string
	running int
	began   time.Time // zero until the first step
	ended   bool
}

// Target adds the line of a target. Lines have the order of the calls.
func (p *Progress) Target(name string) *TargetProgress {
	t := &TargetProgress{all: p, name: clean(name), step: "waiting"}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = append(p.targets, t)
	return t
}

// Step shows what happens to the target now: in its line of a terminal, else as a line "NAME: step".
func (t *TargetProgress) Step(line string) {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()
	t.show(clean(t.all.opt.Redact(line)))
}

// show sets the step. The caller holds the lock.
func (t *TargetProgress) show(line string) {
	p := t.all
	if p.done || p.opt.Quiet || line == t.step {
		return
	}
	if t.began.IsZero() {
		t.began = time.Now()
	}
	t.step = line
	if !p.opt.Terminal {
		_, _ = fmt.Fprintf(p.w, "%s %s: %s\n", elapsed(p.began), t.name, line)
		return
	}
	p.refresh()
}

// Begin counts a run of the target until the returned function is called.
func (t *TargetProgress) Begin(string) (end func()) {
	count := func(by int) {
		t.all.mu.Lock()
		defer t.all.mu.Unlock()
		if t.running += by; !t.all.done && !t.all.opt.Quiet && t.all.opt.Terminal {
			t.all.refresh()
		}
	}
	count(1)
	return func() { count(-1) }
}

// End shows the result of the target.
func (t *TargetProgress) End(result string) {
	t.all.mu.Lock()
	defer t.all.mu.Unlock()
	t.ended = true
	t.show(clean(t.all.opt.Redact(result)))
}

// targetLines returns the live view of several targets: how many have ended, and a line for each. Where there are too many,
// those that run come first.
func (p *Progress) targetLines() []string {
	ended, widest := 0, 0
	var shown, rest []*TargetProgress
	for _, t := range p.targets {
		widest = max(widest, width(t.name))
		switch {
		case t.ended:
			ended++
			rest = append(rest, t)
		case t.began.IsZero():
			rest = append(rest, t)
		default:
			shown = append(shown, t)
		}
	}
	if len(p.targets) <= maxLive {
		shown, rest = p.targets, nil
	}
	out := []string{p.line(p.began, fmt.Sprintf("%d of %d targets done", ended, len(p.targets)))}
	for _, t := range shown[:min(len(shown), maxLive)] {
		out = append(out, p.targetLine(t, widest))
	}
	if more := len(p.targets) - len(out) + 1; more > 0 && len(rest) > 0 {
		out = append(out, cut(fmt.Sprintf("      and %d more", more), p.opt.Width-1))
	}
	return out
}

// targetLine returns the line of a target, with its name padded.
func (p *Progress) targetLine(t *TargetProgress, widest int) string {
	text := fmt.Sprintf("%-*s  %s", widest, t.name, t.step)
	if t.running > 1 {
		text = fmt.Sprintf("%s (%d runs)", text, t.running)
	}
	if t.began.IsZero() || t.ended {
		return cut("      "+text, p.opt.Width-1)
	}
	return p.line(t.began, text)
}
