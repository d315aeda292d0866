package plan_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/observe/observetest"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
)

// TestUsers checks the candidates for the users' files, the declared user and the processes of each case.
func TestUsers(t *testing.T) {
	const passwd = `
d 0755 101:101 /var/lib/owned
d 0755 101:0 /var/lib/of-root-group
d 0755 200:0 /var/lib/of-nobody
d 0755 0:0 /run
-- /etc/passwd --
root:x:0:0::/root:/bin/sh
www-data:x:33:33::/var/www:/bin/false
app:x:101:101::/home/app:/bin/sh
-- /etc/group --
root:x:0:
video:x:44:app
staff:x:50:
`
	cases := []struct{ name, user, targetUser, open, want string }{
		{"a number with an account", "101", "", "", "101:101 groups [44] app"},
		{"a name", "app", "", "", "101:101 groups [44] app"},
		{"a number and a group", "101:50", "", "", "101:50 groups [44] app"},
		{"a number without an account", "4242", "", "", "4242:0"},
		{"what the user of podseal said", "root", "app", "", "101:101 groups [44] app"},
		{"the main process drops", "", "", "process main 101:101 app", "101:101 groups [44] app | 65532:65532"},
		{"only workers drop", "", "", "process main 0:0 httpd\nprocess 33:33 httpd", "33:33 www-data | 65532:65532"},
		{"a main process and a worker", "0", "", "process 33:33 w\nprocess main 101:101 app", "101:101 groups [44] app | 33:33 www-data | 65532:65532"},
		{"the owner of what is written", "", "", "process main 0:0 app\nopen /var/lib/owned/x e2e", "101:101 groups [44] app | 65532:65532"},
		{"the owner of what is written, with an account of another group", "", "", "process main 0:0 app\nopen /var/lib/of-root-group/x e2e", "101:101 groups [44] app | 65532:65532"},
		{"the owner of what is written, without an account", "", "", "process main 0:0 app\nopen /var/lib/of-nobody/x e2e", "200:0 | 65532:65532"},
		{"a user for a moment", "", "", "process main 0:0 sshd\nidentity 0:50 sshd\nidentity 101:50 sshd", "101:50 groups [44] app | 65532:65532"},
		{"a user that a folder is given to", "", "", "process main 0:0 app\nchown /run/app/ start owner 33", "33:33 www-data | 65532:65532"},
		{"a uid without an account that a folder is given to", "", "", "process main 0:0 app\nchown /run/app/ start owner 4000", "4000:4000 | 65532:65532"},
		{"a folder that is not given away", "", "", "process main 0:0 app\nchown /run/app/ start denied EPERM owner 33", "65532:65532"},
		{"an e2e command that is executed in the container", "", "", "process main 0:0 app\nopen /run/x e2e by sh 33:33 exec", "65532:65532"},
		{"a process that lives only for one request", "", "", "process main 0:0 app\nopen /run/x e2e by cgi 33:33", "33:33 www-data | 65532:65532"},
		{"nothing to go by", "", "", "process main 0:0 app\nopen /run/x start", "65532:65532"},
		{"a process with a gid of its own", "", "", "process main 101:50 app", "101:50 groups [44] app | 65532:65532"},
		{"a name that the image lacks", "ghost", "", "", "error"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := txtar.Parse([]byte("-- image --\n" + strings.TrimPrefix(passwd, "\n") + "-- open --\n" + c.open + "\n"))
			in := input(t, a)
			in.Facts.Config.Config.User, in.Target.User = c.user, c.targetUser
			users, err := plan.Users(context.Background(), in)
			var got []string
			for _, u := range users {
				s := fmt.Sprintf("%d:%d", u.User.UID, u.User.GID)
				if len(u.User.Groups) > 0 {
					s += fmt.Sprintf(" groups %v", u.User.Groups)
				}
				got = append(got, strings.TrimRight(s+" "+u.Name, " "))
				if u.Why == "" || u.User.UID == 0 {
					t.Errorf("candidate %+v", u)
				}
			}
			if err != nil {
				got = []string{"error"}
				if !strings.Contains(err.Error(), c.user) {
					t.Errorf("the error %q does not name the user", err)
				}
			}
			if s := strings.Join(got, " | "); s != c.want {
				t.Errorf("got %s, want %s", s, c.want)
			}
		})
	}
}

// TestAdvisedUsers checks that a user of the image's files ranks after the users that ran, and adds evidence to one of them.
func TestAdvisedUsers(t *testing.T) {
	a := txtar.Parse([]byte("-- image --\n-- /etc/passwd --\nroot:x:0:0::/:\nweb:x:33:33::/:\n-- open --\nprocess main 0:0 httpd\nprocess 33:33 httpd\n"))
	in := input(t, a)
	in.Advised = []plan.UserChoice{
		{User: profile.User{UID: 33, GID: 33}, Name: "web", Why: "/etc/httpd.conf:1 says so"},
		{User: profile.User{UID: 70, GID: 70}, Why: "/etc/other.conf:2 says so"},
		{Why: "root is none"},
	}
	users, err := plan.Users(context.Background(), in)
	if err != nil || len(users) != 3 {
		t.Fatalf("%v %v", users, err)
	}
	if !strings.Contains(users[0].Why, "drops to") || !strings.HasSuffix(users[0].Why, "; /etc/httpd.conf:1 says so") {
		t.Errorf("who ran: %q", users[0].Why)
	}
	if users[1].User.UID != 70 || users[1].Why != "uid 70: /etc/other.conf:2 says so" || users[2].User.UID != plan.Unprivileged {
		t.Errorf("the users that the files name: %+v", users[1:])
	}
}

// TestAdvisedUsersAfterOwners checks that the owner of a written folder ranks before a user that a file of the image names: the
// file may belong to a program that does not run.
func TestAdvisedUsersAfterOwners(t *testing.T) {
	a := txtar.Parse([]byte("-- image --\nd 0755 101:101 /var/lib/owned\n-- /etc/passwd --\nroot:x:0:0::/:\napp:x:101:101::/:\n" +
		"-- open --\nprocess main 0:0 app\nopen /var/lib/owned/x e2e\n"))
	in := input(t, a)
	in.Advised = []plan.UserChoice{{User: profile.User{UID: 70, GID: 70}, Why: "/etc/unused.conf:2 says so"}}
	users, err := plan.Users(context.Background(), in)
	if err != nil || len(users) != 3 || users[0].User.UID != 101 || users[1].User.UID != 70 {
		t.Errorf("%+v %v", users, err)
	}
}

// netBind is the security.capability attribute that setcap writes for cap_net_bind_service=ep (revision 2).
const netBind = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func TestFileCapabilities(t *testing.T) {
	cases := []struct{ name, raw, want string }{
		{"net_bind_service=ep", netBind, "NET_BIND_SERVICE"},
		{"net_raw=ep", "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "NET_RAW"},
		{"net_admin,net_raw=p", "\x00\x00\x00\x02\x00\x30\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "NET_ADMIN NET_RAW"},
		{"revision 3 with a root id", "\x01\x00\x00\x03\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xe8\x03\x00\x00", "NET_BIND_SERVICE"},
		{"revision 1, 32 bits", "\x01\x00\x00\x01\x00\x04\x00\x00\x00\x00\x00\x00", "NET_BIND_SERVICE"},
		{"bpf=ep, in the second word", "\x01\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00", "BPF"},
		{"inheritable only", "\x00\x00\x00\x02\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", ""},
		{"empty", "", ""},
		{"short", "\x01\x00\x00\x02\x00", ""},
		{"cut off after the permitted set", "\x01\x00\x00\x02\x00\x04\x00\x00", "NET_BIND_SERVICE"},
	}
	for _, c := range cases {
		if got := strings.Join(plan.FileCapabilities(c.raw), " "); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func FuzzFileCapabilities(f *testing.F) {
	f.Add(netBind)
	f.Add("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
	f.Add("")
	f.Fuzz(func(t *testing.T, raw string) {
		seen := map[string]bool{}
		for _, c := range plan.FileCapabilities(raw) {
			if c == "" || seen[c] {
				t.Errorf("capability %q of %q", c, raw)
			}
			seen[c] = true
		}
	})
}

// TestReaders: owner, group and mode of a file decide who may read it.
func TestReaders(t *testing.T) {
	tree := image.NewMemTree([]image.Entry{
		{Path: "/d", Kind: image.Dir, Mode: 0o755}, {Path: "/d/f", Kind: image.File, Mode: 0o640, UID: 5, GID: 6},
	}, nil)
	for _, c := range []struct {
		user profile.User
		want bool
	}{
		{profile.User{UID: 5, GID: 5}, true},
		{profile.User{UID: 7, GID: 6}, true},
		{profile.User{UID: 7, GID: 7, Groups: []int64{6}}, true},
		{profile.User{UID: 7, GID: 7}, false},
		{profile.User{}, true},
	} {
		_, unreadable, err := plan.Unreadable(t.Context(), tree, profile.Mount{Path: "/d", Kind: profile.Seeded}, c.user, "")
		if err != nil || unreadable == c.want {
			t.Errorf("unreadable by %+v: %v, %v", c.user, unreadable, err)
		}
	}
}

// TestUnreadable: a copy reads files, and lists and enters folders.
func TestUnreadable(t *testing.T) {
	var many strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&many, "f 0644 0:0 /srv/a/%04d\n", i)
	}
	for _, c := range []struct{ name, tree, want string }{
		{"one of very many, which the init container names", many.String() + "f 0600 0:0 /srv/zz/key", "/srv/zz/key"},
		{"all is open", "d 0755 0:0 /srv/a\nf 0644 0:0 /srv/a/b", ""},
		{"a file", "d 0755 0:0 /srv/a\nf 0640 0:0 /srv/a/b", "/srv/a/b"},
		{"a file that nobody may execute", "f 0644 0:0 /srv/a", ""},
		{"a folder that cannot be listed", "d 0711 0:0 /srv/a", "/srv/a"},
		{"a folder that cannot be entered", "d 0744 0:0 /srv/a", "/srv/a"},
		{"a link", "l /srv/a -> /root/secret\nf 0600 0:0 /root/secret", ""},
	} {
		tree, err := image.ParseMemTree(c.tree)
		if err != nil {
			t.Fatal(err)
		}
		e, found, err := plan.Unreadable(t.Context(), tree, profile.Mount{Path: "/srv", Kind: profile.Seeded}, profile.User{UID: 5, GID: 5},
			"seeding /srv: the init container failed: cp: cannot open '/srv/./zz/key' for reading: Permission denied; cp: cannot open '/x'")
		if err != nil || e.Path != c.want || found != (c.want != "") {
			t.Errorf("%s: %q %v %v, want %q", c.name, e.Path, found, err, c.want)
		}
	}
}

func TestProofEvidence(t *testing.T) {
	wide := profile.Profile{LowPorts: true, Ping: true}.WithMount(profile.Mount{Path: "/run", Kind: profile.Plain}).WithMount(profile.Mount{Path: "/tmp", Kind: profile.Plain})
	noPorts := wide
	noPorts.LowPorts = false
	noPing := wide
	noPing.Ping = false
	for _, c := range []struct {
		name, run string
		narrow    profile.Profile
		want      string
	}{
		{"a traced denial below the missing mount", "open /tmp/x start denied EROFS\nopen /run/p start denied EROFS by app 101:101", wide.WithoutMount("/run"), "EROFS /run/p (app, uid 101)"},
		{"a line of the logs below it", "log open /run/p: read-only file system", wide.WithoutMount("/run"), "EROFS /run/p (in the logs)"},
		{"a line without a path", "log fatal: read-only file system", wide.WithoutMount("/run"), "fatal: read-only file system"},
		{"a ping that both profiles allow", "log ping: socket: Operation not permitted\nlog open /x: Permission denied", wide.WithoutMount("/tmp"), "EACCES /x (in the logs)"},
		{"a ping", "log ping: socket: Operation not permitted", noPing, "ping: socket: Operation not permitted"},
		{"a ping, after another refusal", "log open /x: Permission denied\nlog ping: socket: Operation not permitted", noPing, "ping: socket: Operation not permitted"},
		{"a port", "log bind() to 0.0.0.0:80 failed (13: Permission denied)", noPorts, "bind() to 0.0.0.0:80 failed (13: Permission denied)"},
		{"ping", "failed e2e exited 1\noutput ping: socket: Operation not permitted\noutput cannot open it", noPing, "ping: socket: Operation not permitted"},
		{"a file that is missing below it", "log stat /run/x: no such file or directory", wide.WithoutMount("/run"), "stat /run/x: no such file or directory"},
		{"a file that is named below it", "log reading /run/x", wide.WithoutMount("/run"), ""},
		{"a file that is missing elsewhere", "log stat /srv/x: no such file or directory", wide.WithoutMount("/run"), ""},
		{"no ping", "log hello", noPing, ""},
		{"a traced denial elsewhere", "open /srv/x start denied EROFS", wide.WithoutMount("/run"), ""},
		{"a line of the logs about another folder", "log open /srv/x: read-only file system", wide.WithoutMount("/run"), "EROFS /srv/x (in the logs)"},
		{"nothing", "log hello", wide.WithoutMount("/run"), ""},
	} {
		o, err := observetest.Parse(c.run)
		if err != nil {
			t.Fatal(err)
		}
		if got := plan.ProofEvidence(o, wide, c.narrow); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestReadersAccount checks that a message about a uid without an account leads to an account of the image, and that a
// message about another user does not.
func TestReadersAccount(t *testing.T) {
	tree, err := image.ParseMemTree("-- /etc/passwd --\nroot:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\nnfsnobody:x:65534:65533::/:/bin/sh\nbin:x:2:2::/:/bin/sh\n")
	if err != nil {
		t.Fatal(err)
	}
	users, err := image.ReadUsers(context.Background(), tree)
	if err != nil {
		t.Fatal(err)
	}
	in := plan.Input{Tree: tree, Users: users, Facts: image.Facts{Config: &v1.ConfigFile{}}}
	missed := []string{
		"KeyError: 'getpwuid(): uid not found: 65532'",
		"A system error occurred: uv_os_get_passwd returned ENOENT (no such file or directory)",
		"No user exists for uid 65532",
		"psql: error: local user with ID 65532 does not exist",
		"initdb: error: could not look up effective user ID 65532: user does not exist",
		"fatal: unable to look up current user in the passwd file: no such user",
		"whoami: cannot find name for user ID 65532",
		"panic: user: unknown userid 65532",
		"can't find user for 65532 (ArgumentError)",
		"sudo: you do not exist in the passwd database",
	}
	other := []string{"login failed: unknown user bob", "user bob does not exist", "cannot find user profile", "Permission denied", ""}
	for _, line := range append(missed, other...) {
		run := observe.Observation{Logs: "starting\n" + line + "\n", Failure: observe.Failure{Kind: observe.Exited, Phase: observe.Start, Text: "exited 1"}}
		got, err := plan.MoreUsers(context.Background(), in, plan.UserChoice{User: profile.User{UID: 65532, GID: 65532}}, run)
		if err != nil {
			t.Fatal(err)
		}
		if want := slices.Contains(missed, line); (len(got) == 1 && got[0].Name == "nobody" && got[0].User.GID == 65534) != want {
			t.Errorf("%q: %v, want an account: %v", line, got, want)
		}
		if got, _ := plan.MoreUsers(context.Background(), in, plan.UserChoice{User: profile.User{UID: 2, GID: 2}}, run); len(got) > 0 {
			t.Errorf("%q: %v, though the user has an account", line, got)
		}
	}
}
