package seal

import (
	"context"
	"fmt"
	"slices"

	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/race"
)

// users returns the users to try, best first.
func (s search) users(ctx context.Context) ([]plan.UserChoice, error) {
	if s.opts.User != nil {
		return []plan.UserChoice{*s.opts.User}, nil
	}
	return plan.Users(ctx, s.k.in)
}

// userSearch is the search for the first user with a passing profile. The order of the users alone decides the result, not the
// number of parallel trials.
type userSearch struct {
	search
	users []plan.UserChoice // best first
	known map[string]candidate
}

// foundUser is the result of a user search.
type foundUser struct {
	passed  candidate   // its passed is false where no user works
	failed  []candidate // in the order of the users
	untried int         // how many users were not tried
}

// tryUsers tries users, in parallel after the first, until one passes and all before it have failed.
func (s search) tryUsers(ctx context.Context, users []plan.UserChoice) (foundUser, error) {
	u := userSearch{search: s, users: users, known: map[string]candidate{}}
	for {
		found, open := u.standing()
		n := min(u.waveSize(), maxUsers-len(u.known), len(open))
		if n <= 0 {
			found.untried = len(open)
			return found, nil
		}
		wave, err := u.tryWave(ctx, open[:n])
		if err != nil {
			return found, err
		}
		for _, c := range wave {
			u.known[userKey(c.user)] = c
			if c.hopeless { // no user changes what the image has no programs for
				return foundUser{failed: []candidate{c}}, nil
			}
		}
		for _, c := range wave {
			if err := u.addUsers(ctx, c); err != nil {
				return found, err
			}
		}
	}
}

// standing returns what is known of the users up to the first that passed, and those among them that are still to be tried.
func (s userSearch) standing() (found foundUser, open []plan.UserChoice) {
	for _, u := range s.users {
		c, ok := s.known[userKey(u)]
		switch {
		case !ok:
			open = append(open, u)
		case c.passed:
			found.passed = c
			return found, open
		default:
			found.failed = append(found.failed, c)
		}
	}
	return found, open
}

// waveSize returns the number of users to try in parallel: one at first, because most images work under the first user.
func (s userSearch) waveSize() int {
	if len(s.known) == 0 {
		return 1
	}
	return s.slots()
}

// tryWave tries users in parallel. A user that passes interrupts the users after it.
func (s userSearch) tryWave(ctx context.Context, wave []plan.UserChoice) ([]candidate, error) {
	out := make([]candidate, len(wave))
	at, err := race.First(ctx, len(wave), len(wave), func(ctx context.Context, i int) (bool, error) {
		var err error
		out[i], err = s.tryUser(ctx, wave[i])
		return out[i].passed, err
	})
	if at >= 0 {
		out = out[:at+1]
	}
	return out, err
}

// addUsers inserts the users that the last run of a failed candidate speaks for.
func (s *userSearch) addUsers(ctx context.Context, c candidate) error {
	if c.passed || s.opts.User != nil {
		return nil
	}
	more, err := plan.MoreUsers(ctx, s.k.in, c.user, c.last.Observation)
	if err != nil {
		return err
	}
	for _, u := range slices.Backward(more) {
		s.insert(c.user, u)
	}
	return nil
}

// insert adds a user behind the one that was tried, or at the end if it is the same with one group more: any user by its own
// right is better.
func (s *userSearch) insert(tried, u plan.UserChoice) {
	i, at := s.place(tried), s.place(u)
	same := u.User.UID == tried.User.UID
	switch {
	case at >= 0 && (at < i || same): // it was tried or will be
	case same:
		s.users = append(slices.Clone(s.users), u)
	default: // it comes next, also where it would have come later
		s.users = slices.DeleteFunc(slices.Clone(s.users), func(o plan.UserChoice) bool { return userKey(o) == userKey(u) })
		s.users = slices.Insert(s.users, i+1, u)
	}
}

// place returns the index of a user; -1 where it is no candidate.
func (s userSearch) place(u plan.UserChoice) int {
	return slices.IndexFunc(s.users, func(o plan.UserChoice) bool { return userKey(o) == userKey(u) })
}

func userKey(u plan.UserChoice) string { return fmt.Sprint(u.User.UID, u.User.Groups) }
