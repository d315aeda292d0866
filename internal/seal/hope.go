package seal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// patience says when a run that does not become ready is given up before its time. Only one that stands still is: with
// no new line in its logs, no new process, port or write.
type patience int

const (
	// wary gives up early where the run shows nothing that an earlier one, which did not become ready, had not shown, too;
	// and late where it was refused something.
	wary patience = iota
	// brisk gives up early in any case: a run for which nothing speaks.
	brisk
	// quick gives up earlier still: a run without something, of which a failure only says that it stays.
	quick
)

// hope is what is left of it for one run.
type hope struct {
	patience patience
	usual    time.Duration // the longest that a run which passed took until it was ready
	known    func(sights) bool

	mu    sync.Mutex
	seen  sights
	after time.Duration // when it was given up; 0 where it was not
}

// The times of a start at which a run that stands still is looked at, and given up: early, and late.
func (h *hope) looks() time.Duration { return 2*time.Second + 3*h.usual/2 }
func (h *hope) late() time.Duration  { return 8*time.Second + 4*h.usual }
func (h *hope) early() time.Duration {
	if h.patience == quick {
		return 5*time.Second + 2*h.usual
	}
	return 6*time.Second + 3*h.usual
}

// calm is how long it has to stand still.
func (h *hope) calm() time.Duration {
	if h.patience == quick {
		return 3*time.Second + h.usual/2
	}
	return 2*time.Second + h.usual
}

// lost tells whether there is none.
func (h *hope) lost(now, still time.Duration, refused bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case now < h.early() || still < h.calm():
		return false
	case h.patience != wary || h.known(h.seen):
	case now < h.late() || still < 2*h.calm() || !refused:
		return false
	}
	h.after = now
	return true
}

// told puts into words that a run was given up.
func (h *hope) told(o observe.Observation) observe.Observation {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.after > 0 && o.FailedIn == observe.Start && strings.HasPrefix(o.Failure, "not ready") {
		_, missing, _ := strings.Cut(o.Failure, ": ")
		o.Failure = fmt.Sprintf("not ready after %s, and standing still: %s", h.after.Round(time.Second), missing)
	}
	return o
}

// hopeful is an engine whose containers are watched until they are ready.
type hopeful struct {
	engine.Engine
	hope *hope
}

func (e hopeful) Start(ctx context.Context, t target.Target, facts image.Facts, p profile.Profile) (engine.Container, error) {
	c, err := e.Engine.Start(ctx, t, facts, p)
	if err != nil {
		return nil, err
	}
	return &starting{Container: c, hope: e.hope}, nil
}

// starting is a container that ends for those who wait for it when there is no hope that it becomes ready.
type starting struct {
	engine.Container
	hope *hope
	mu   sync.Mutex
	then bool // it has been ready
}

// Phase implements engine.Container.
func (c *starting) Phase(p observe.Phase) {
	c.mu.Lock()
	c.then = c.then || p != observe.Start
	c.mu.Unlock()
	c.Container.Phase(p)
}

func (c *starting) ready() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.then
}

// Wait implements engine.Container. It returns also when there is no hope.
func (c *starting) Wait(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 2)
	go func() { ended <- c.Container.Wait(ctx) }()
	go func() {
		if c.standsStill(ctx) {
			ended <- nil
		}
	}()
	return <-ended
}

// standsStill returns true when there is no hope, and false when there is no more need for any.
func (c *starting) standsStill(ctx context.Context) bool {
	began := time.Now()
	wait, news := c.hope.looks(), began
	for {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
		wait = time.Second
		if c.ready() {
			return false
		}
		refused, fresh, err := c.hope.look(ctx, c.Container)
		if err != nil || fresh {
			news = time.Now()
		}
		if c.hope.lost(time.Since(began), time.Since(news), refused) {
			return true
		}
	}
}

// sights are all different things that a run has shown, by their kind.
type sights map[[2]string]bool

// see tells whether something is new.
func (s sights) see(kind, what string) bool {
	key := [2]string{kind, what}
	fresh := !s[key]
	s[key] = true
	return fresh
}

// within tells whether all that was said, ran and listened had been seen of another run, too. What was written does not
// count: it depends on the profile. Of a run that says nothing nobody can tell.
func (s sights) within(other sights) bool {
	said := false
	for key := range s {
		said = said || key[0] == "line"
		if key[0] != "write" && !other[key] {
			return false
		}
	}
	return said
}

// look looks at a container, and tells whether it was refused something, and whether there was anything new.
func (h *hope) look(ctx context.Context, c engine.Container) (refused, fresh bool, err error) {
	logs, err := c.Logs(ctx)
	if err != nil {
		return false, false, err
	}
	procs, err := c.Processes(ctx)
	if err != nil {
		return false, false, err
	}
	ports, err := c.Listening(ctx)
	if err != nil && !errors.Is(err, engine.ErrCannotLook) {
		return false, false, err
	}
	writes, _ := c.Writes()
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range strings.Lines(logs) {
		fresh = h.seen.see("line", sameLine(l)) || fresh
	}
	for _, p := range procs {
		fresh = h.seen.see("process", p.Command) || fresh
	}
	for _, p := range ports {
		fresh = h.seen.see("port", fmt.Sprint(p)) || fresh
	}
	for _, w := range writes {
		fresh = h.seen.see("write", w.Path+" "+w.To+" "+w.Call+" "+w.Errno) || fresh
		refused = refused || w.Outcome == observe.Denied
	}
	return refused || len(plan.ReadRefusals(logs, "")) > 0, fresh, nil
}

// changing is what differs between lines that say the same: times, addresses, process ids.
var changing = regexp.MustCompile(`(?i)\b[0-9a-f]*[0-9][0-9a-f]*\b|[0-9]+`)

func sameLine(l string) string { return changing.ReplaceAllString(strings.TrimSpace(l), "0") }

// hopeFor is the hope for a run under a profile; nil where a run is given all its time: an open run, and one that has to
// run to its end.
func (s *session) hopeFor(p profile.Profile, how patience) *hope {
	if p.Open || s.target.Completes {
		return nil
	}
	h := &hope{patience: how, usual: s.open.ReadyIn, known: s.stoodLike, seen: sights{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rounds {
		if r.Observation.Passed() {
			h.usual = max(h.usual, r.Observation.ReadyIn)
		}
	}
	return h
}

// stood is a run that was not ready in time.
type stood struct {
	profile profile.Profile
	seen    sights
	vain    bool // a guess changed nothing
}

// stoodLike tells whether a run has shown nothing that one run, which was not ready in time, had not shown.
func (s *session) stoodLike(seen sights) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.stood, func(o stood) bool { return seen.within(o.seen) })
}

// remember notes what a run showed that was not ready in time.
func (s *session) remember(h *hope, p profile.Profile, o observe.Observation) {
	if o.FailedIn != observe.Start || !strings.HasPrefix(o.Failure, "not ready") {
		return
	}
	h.mu.Lock()
	seen := maps.Clone(h.seen)
	h.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stood = append(s.stood, stood{profile: p, seen: seen})
}

// noteVain notes that what was guessed after the run under one profile changed nothing under the next.
func (s *session) noteVain(before, after profile.Profile) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, a := s.stoodUnder(before), s.stoodUnder(after)
	if b >= 0 && a >= 0 && s.stood[a].seen.within(s.stood[b].seen) {
		s.stood[b].vain = true
	}
}

// guessedInVain tells whether a run under a profile stood like that of another user for whom guesses changed nothing.
func (s *session) guessedInVain(p profile.Profile) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.stoodUnder(p)
	return at >= 0 && slices.ContainsFunc(s.stood, func(o stood) bool {
		return o.vain && o.profile.User.UID != p.User.UID && s.stood[at].seen.within(o.seen)
	})
}

// stoodUnder is the place of the run under a profile; -1 where there is none.
func (s *session) stoodUnder(p profile.Profile) int {
	return slices.IndexFunc(s.stood, func(o stood) bool { return o.profile.Equal(p) })
}
