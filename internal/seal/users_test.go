package seal

import (
	"fmt"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
)

// TestInsertUser: a user that a failed run speaks for comes next, and the tried user with one group more comes last. No user is
// tried twice.
func TestInsertUser(t *testing.T) {
	user := func(name string) plan.UserChoice {
		u := plan.UserChoice{}
		uid, group, grouped := strings.Cut(name, "+")
		_, _ = fmt.Sscan(uid, &u.User.UID)
		if grouped {
			u.User.Groups = []int64{0}
			_, _ = fmt.Sscan(group, &u.User.Groups[0])
		}
		return u
	}
	for _, c := range []struct{ users, tried, add, want string }{
		{"1 2 3", "2", "9", "1 2 9 3"},
		{"1 2 3 4", "2", "4", "1 2 4 3"},
		{"1 2 3", "3", "1", "1 2 3"},
		{"1 2 3", "1", "1", "1 2 3"},
		{"1 2 3", "1", "1+9", "1 2 3 1+9"},
		{"1 2 3 1+9", "1", "1+9", "1 2 3 1+9"},
		{"1 1+9 2", "2", "1+9", "1 1+9 2"},
	} {
		s := userSearch{}
		for name := range strings.FieldsSeq(c.users) {
			s.users = append(s.users, user(name))
		}
		s.insert(user(c.tried), user(c.add))
		var got []string
		for _, u := range s.users {
			name := fmt.Sprint(u.User.UID)
			for _, g := range u.User.Groups {
				name += fmt.Sprintf("+%d", g)
			}
			got = append(got, name)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s after %s failed, in %s: %v, want %s", c.add, c.tried, c.users, got, c.want)
		}
	}
}

// TestWidest: a user's mounts serve root if they are more than those of the others.
func TestWidest(t *testing.T) {
	of := func(paths string) candidate {
		c := candidate{}
		for at := range strings.FieldsSeq(paths) {
			c.profile = c.profile.WithMount(profile.Mount{Path: at, Kind: profile.Plain})
		}
		return c
	}
	for _, c := range []struct{ own, other, want string }{{"/a", "/b", "/a"}, {"/a", "/b /c", "/b /c"}, {"/a /b", "/c", "/a /b"}} {
		if got := widest([]candidate{of(c.other)}, of(c.own).profile); !got.Equal(of(c.want).profile) {
			t.Errorf("%s and %s: %+v", c.own, c.other, got.Mounts)
		}
	}
}
