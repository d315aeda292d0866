package seal

import (
	"context"
	"fmt"
	"slices"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
)

// budget bounds the runs after which no further user is tried. What is left is to find out what is to blame.
const budget = 40

// course is what comes of trying one user.
type course struct {
	user   plan.UserChoice
	plan   plan.Plan
	why    []profile.Reason
	proofs map[string]string // by reason field
	found  profile.Profile   // the last one
	last   observe.Observation
	passed bool
	beside bool // other users are tried at the same time
}

// wave is how many users to try side by side when so many have been tried: most images work under the first or the second,
// and the second alone is quicker, unless runs that fail mostly wait.
func (s *session) wave(tried int) int {
	s.mu.Lock()
	waited := len(s.stood) > 0
	s.mu.Unlock()
	if tried == 0 || tried == 1 && !waited {
		return 1
	}
	return s.slots()
}

// tryUsers tries users side by side, and returns what came of them, up to the first that passes.
func (s *session) tryUsers(ctx context.Context, users []plan.UserChoice) ([]course, error) {
	wave := make([]course, len(users))
	at, err := s.sideBySide(ctx, len(users), len(users), func(ctx context.Context, i int) (bool, error) {
		var err error
		wave[i], err = s.tryUser(ctx, users[i], len(users) > 1)
		return wave[i].passed, err
	})
	if at >= 0 {
		wave = wave[:at+1]
	}
	return wave, err
}

func (s *session) tryUser(ctx context.Context, u plan.UserChoice, beside bool) (course, error) {
	first, err := plan.First(ctx, s.in, u)
	if err != nil {
		return course{}, err
	}
	c := course{user: u, plan: first, why: first.Reasons, proofs: map[string]string{}, beside: beside}
	err = s.widen(ctx, &c)
	if err == nil && !c.passed {
		s.say("uid %d does not work", u.User.UID)
	}
	return c, err
}

// users are whom to try, best first.
func (s *session) users(ctx context.Context) ([]plan.UserChoice, error) {
	if s.opts.User != nil {
		return []plan.UserChoice{*s.opts.User}, nil
	}
	return plan.Users(ctx, s.in)
}

// moreUsers puts behind users[i], which does not work, the users that its last run speaks for.
func (s *session) moreUsers(ctx context.Context, users []plan.UserChoice, i int, last observe.Observation) ([]plan.UserChoice, error) {
	if s.opts.User != nil {
		return users, nil
	}
	more, err := plan.Readers(ctx, s.in, users[i], last)
	if err != nil {
		return nil, err
	}
	for _, u := range slices.Backward(more) {
		at := slices.IndexFunc(users, func(o plan.UserChoice) bool { return sameUser(o, u) })
		switch {
		case at >= 0 && at <= i: // it has been tried
		case u.User.UID == users[i].User.UID: // with one group more: rather any user by its own right
			users = append(users, u)
		default: // it comes next, also where it would have come later
			users = slices.DeleteFunc(slices.Clone(users), func(o plan.UserChoice) bool { return sameUser(o, u) })
			users = slices.Insert(users, i+1, u)
		}
	}
	return users, nil
}

func sameUser(a, b plan.UserChoice) bool {
	return a.User.UID == b.User.UID && slices.Equal(a.User.Groups, b.User.Groups)
}

// widen runs the plan sealed, and widens it by what each failed run is blamed on, until it passes.
func (s *session) widen(ctx context.Context, c *course) error {
	c.found = c.plan.Profile
	setting, shown := "", "" // what the round before is blamed on: proved if the next one passes
	guessed := false         // the round before gave nothing to go by
	before := c.found
	for n := 1; n <= maxRounds; n++ {
		how := wary
		if guessed {
			how = brisk
		}
		o, ran := s.ranAhead(c.found)
		if !ran {
			var err error
			if o, err = s.sealedWith(ctx, c.round(n), c.found, how); err != nil {
				return err
			}
		}
		if c.last = o; o.Passed() {
			if c.passed = true; setting != "" {
				c.proofs[setting] = shown
			}
			return nil
		}
		if err := s.chooseSeeding(ctx); err != nil {
			return err
		}
		if guessed {
			s.noteVain(before, c.found)
		}
		r, ok, err := s.repair(ctx, c)
		if err != nil || !ok {
			return err
		}
		s.blame(r, c)
		setting, shown, guessed = "", "", r.Guess()
		if b := r.Blames; len(b) == 1 && o.FailedSeed == "" { // the application has run
			setting, shown = b[0].Setting, proof(o, b[0].Evidence)
		}
		before, c.found = c.found, r.Profile
	}
	return nil
}

// repair is what to try next for a user; ok is false where nothing is left.
func (s *session) repair(ctx context.Context, c *course) (r plan.Repair, ok bool, err error) {
	repairs, err := plan.Repairs(ctx, s.in, c.plan, c.found, c.last)
	if err != nil {
		return r, false, err
	}
	vain := s.guessedInVain(c.found)
	for _, r := range repairs {
		if !s.tried(r.Profile) && (!vain || !r.Guess()) {
			return r, true, nil
		}
	}
	return r, false, nil
}

func (c *course) round(n int) string {
	if c.beside {
		return fmt.Sprintf("sealed run %d of uid %d", n, c.user.User.UID)
	}
	return fmt.Sprintf("sealed run %d", n)
}
