package image_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/podseal/podseal/internal/image"
)

const passwd = `root:x:0:0:root:/root:/bin/bash
# a comment
daemon:x:1:1::/usr/sbin:/usr/sbin/nologin

broken
nouid:x::5::/:/bin/sh
minus:x:-4:5::/:/bin/sh
short:x:77
nobody:x:4294967294:65534::/nonexistent:
app:x:1000:3000:App:/home/app:/bin/sh
twin:x:1000:4000::/home/twin:/bin/sh
:x:9:9::/:/bin/sh
+::::::
`

const group = `root:x:0:
app:x:3100:app
video:x:44:app, twin
audio:x:29:twin,app,app
staff:x:3000:app
bad:x:many:app
web:x:2000:
`

func TestParsePasswd(t *testing.T) {
	want := []image.Account{
		{Name: "root", Home: "/root", Shell: "/bin/bash"},
		{Name: "daemon", UID: 1, GID: 1, Home: "/usr/sbin", Shell: "/usr/sbin/nologin"},
		{Name: "short", UID: 77},
		{Name: "nobody", UID: 4294967294, GID: 65534, Home: "/nonexistent"},
		{Name: "app", UID: 1000, GID: 3000, Home: "/home/app", Shell: "/bin/sh"},
		{Name: "twin", UID: 1000, GID: 4000, Home: "/home/twin", Shell: "/bin/sh"},
	}
	if diff := cmp.Diff(want, image.ParsePasswd([]byte(passwd))); diff != "" {
		t.Error(diff)
	}
}

func TestUsersResolve(t *testing.T) {
	users, err := image.ReadUsers(context.Background(), image.NewMemTree(nil, map[string]string{
		"/etc/passwd": passwd, "/etc/group": group,
	}))
	if err != nil {
		t.Fatal(err)
	}
	app := image.Resolved{UID: 1000, GID: 3000, Groups: []int64{29, 44}, Name: "app", Home: "/home/app", InPasswd: true}
	with := func(r image.Resolved, change func(*image.Resolved)) image.Resolved {
		change(&r)
		return r
	}
	cases := []struct {
		user string
		want image.Resolved
		err  error
	}{
		{user: "", want: image.Resolved{Name: "root", Home: "/root", InPasswd: true}},
		{user: "root", want: image.Resolved{Name: "root", Home: "/root", InPasswd: true}},
		{user: "0", want: image.Resolved{Name: "root", Home: "/root", InPasswd: true, Numeric: true}},
		{user: "app", want: app},
		{user: "1000", want: with(app, func(r *image.Resolved) { r.Numeric = true })},
		{user: "1000:", want: with(app, func(r *image.Resolved) { r.Numeric = true })},
		{user: "app:web", want: with(app, func(r *image.Resolved) {
			r.GID, r.GroupGiven, r.Groups = 2000, true, []int64{29, 44, 3000}
		})},
		{user: "1000:29", want: with(app, func(r *image.Resolved) {
			r.GID, r.GroupGiven, r.Numeric, r.Groups = 29, true, true, []int64{44, 3000}
		})},
		{user: "12345", want: image.Resolved{UID: 12345, Numeric: true}},
		{user: "12345:6", want: image.Resolved{UID: 12345, GID: 6, Numeric: true, GroupGiven: true}},
		{user: "12345:web", want: image.Resolved{UID: 12345, GID: 2000, Numeric: true, GroupGiven: true}},
		{user: ":web", want: image.Resolved{GID: 2000, Name: "root", Home: "/root", InPasswd: true, GroupGiven: true}},
		{user: "2147483647:2147483647", want: image.Resolved{UID: 1<<31 - 1, GID: 1<<31 - 1, Numeric: true, GroupGiven: true}},
		{user: "1000:0", want: with(app, func(r *image.Resolved) {
			r.GID, r.GroupGiven, r.Numeric, r.Groups = 0, true, true, []int64{29, 44, 3000}
		})},
		{user: "1000:2147483648", err: image.ErrIDRange},
		{user: "ghost", err: image.ErrNoUser},
		{user: "app:ghost", err: image.ErrNoGroup},
		{user: "-1", err: image.ErrIDRange},
		{user: "2147483648", err: image.ErrIDRange},
		{user: "99999999999999999999", err: image.ErrIDRange},
		{user: "1000:-1", err: image.ErrIDRange},
	}
	for _, c := range cases {
		got, err := users.Resolve(c.user)
		if !errors.Is(err, c.err) {
			t.Errorf("Resolve(%q): error %v, want %v", c.user, err, c.err)
			continue
		}
		if c.err != nil && !strings.Contains(err.Error(), c.user) {
			t.Errorf("Resolve(%q): the error %q does not name the user", c.user, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("Resolve(%q): %s", c.user, diff)
		}
	}
}

func TestReadUsersOfAnImageWithoutAccounts(t *testing.T) {
	users, err := image.ReadUsers(context.Background(), image.NewMemTree(nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := users.Resolve("10001"); err != nil || r.UID != 10001 || r.GID != 0 || r.InPasswd {
		t.Errorf("Resolve(10001) = %+v, %v", r, err)
	}
	if r, err := users.Resolve(""); err != nil || r.UID != 0 {
		t.Errorf("Resolve of an empty USER = %+v, %v", r, err)
	}
}

// TestReadUsersBeyondTheReadLimit makes sure that accounts which are not read are not taken for missing ones.
func TestReadUsersBeyondTheReadLimit(t *testing.T) {
	filler := strings.Repeat("# no account\n", image.MaxRead/13+1)
	for _, file := range []string{"/etc/passwd", "/etc/group"} {
		for text, fits := range map[string]bool{filler[:image.MaxRead-1]: true, filler: false} {
			_, err := image.ReadUsers(t.Context(), image.NewMemTree(nil, map[string]string{file: text}))
			if (err == nil) != fits || err != nil && !strings.Contains(err.Error(), file) {
				t.Errorf("%d bytes of %s: %v", len(text), file, err)
			}
		}
	}
}

func FuzzAccounts(f *testing.F) {
	f.Add(passwd, "app:web")
	f.Add(group, "1000")
	f.Add("a:b:c:d:e:f:g:h\n::::\n", ":")
	f.Fuzz(func(t *testing.T, text, user string) {
		users := image.Users{Accounts: image.ParsePasswd([]byte(text)), Groups: image.ParseGroup([]byte(text))}
		for _, a := range users.Accounts {
			if a.Name == "" || a.UID < 0 || a.GID < 0 {
				t.Errorf("account %+v", a)
			}
		}
		r, err := users.Resolve(user)
		if err == nil && (r.UID < 0 || r.GID < 0 || !slices.IsSorted(r.Groups) || slices.Contains(r.Groups, r.GID)) {
			t.Errorf("Resolve(%q) = %+v", user, r)
		}
	})
}
