package plan_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe/observetest"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
)

var update = flag.Bool("update", false, "write the results into the goldens")

// golden runs one function over each archive of testdata/DIR; what it returns must be the file "want". "image" is the
// tree (further files whose names are absolute paths are its content), "config" the image's configuration, "open" the
// open run.
func golden(t *testing.T, dir string, run func(t *testing.T, a *txtar.Archive, in plan.Input) string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", dir, "*.txtar"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no goldens in testdata/%s (%v)", dir, err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := run(t, a, input(t, a))
			if *update {
				setSection(a, "want", got)
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(section(a, "want"), got); d != "" {
				t.Errorf("%s-want +got:\n%s", a.Comment, d)
			}
		})
	}
}

func section(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func setSection(a *txtar.Archive, name, text string) {
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Data = []byte(text)
			return
		}
	}
	a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(text)})
}

func input(t *testing.T, a *txtar.Archive) plan.Input {
	t.Helper()
	text := section(a, "image")
	for _, f := range a.Files {
		if strings.HasPrefix(f.Name, "/") {
			text += fmt.Sprintf("-- %s --\n%s", f.Name, f.Data)
		}
	}
	tree, err := image.ParseMemTree(text)
	if err != nil {
		t.Fatal(err)
	}
	users, err := image.ReadUsers(context.Background(), tree)
	if err != nil {
		t.Fatal(err)
	}
	in := plan.Input{Tree: tree, Users: users, Facts: image.Facts{Config: &v1.ConfigFile{}}}
	in.Facts.Config.Config.Volumes = map[string]struct{}{}
	if in.Open, err = observetest.Parse(section(a, "open")); err != nil {
		t.Fatal(err)
	}
	configure(t, &in, section(a, "config"))
	return in
}

func configure(t *testing.T, in *plan.Input, text string) {
	t.Helper()
	config := &in.Facts.Config.Config
	var caps []image.Entry
	for line := range strings.Lines(text) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "user":
			config.User = rest
		case "workdir":
			config.WorkingDir = rest
		case "volume":
			config.Volumes[rest] = struct{}{}
		case "entrypoint":
			config.Entrypoint = strings.Fields(rest)
		case "port":
			n, err := strconv.Atoi(rest)
			if err != nil {
				t.Fatal(err)
			}
			in.Target.Ports = append(in.Target.Ports, n)
		case "scratch":
			in.Target.Scratch = append(in.Target.Scratch, rest)
		case "target-user":
			in.Target.User = rest
		case "filecap":
			caps = append(caps, image.Entry{Path: rest, Kind: image.File, Mode: 0o755, Caps: netBind})
		default:
			t.Fatalf("config line %q", line)
		}
	}
	if len(caps) > 0 {
		all, _, err := in.Tree.List(context.Background(), "/", 1000)
		if err != nil {
			t.Fatal(err)
		}
		in.Tree = image.NewMemTree(append(all, caps...), nil)
	}
}

func profileText(p profile.Profile) string {
	var b strings.Builder
	fmt.Fprintf(&b, "user %d:%d\n", p.User.UID, p.User.GID)
	for _, m := range p.Mounts {
		fmt.Fprintf(&b, "mount %s %s%s\n", m.Path, m.Kind, strings.TrimRight(" "+string(m.Medium), " "))
	}
	if p.WorkingDir != "" {
		fmt.Fprintf(&b, "workingDir %s\n", p.WorkingDir)
	}
	if p.Env["HOME"] != "" {
		fmt.Fprintf(&b, "HOME %s\n", p.Env["HOME"])
	}
	if p.LowPorts {
		b.WriteString("low ports\n")
	}
	if len(p.AddCapabilities) > 0 {
		fmt.Fprintf(&b, "capabilities %v\n", p.AddCapabilities)
	}
	return b.String()
}

// TestFirst plans the first profile for the first user that Users lists.
func TestFirst(t *testing.T) {
	golden(t, "first", func(t *testing.T, _ *txtar.Archive, in plan.Input) string {
		users, err := plan.Users(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		pl, err := plan.First(context.Background(), in, users[0])
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		b.WriteString(profileText(pl.Profile))
		for _, r := range pl.Reasons {
			fmt.Fprintf(&b, "reason %s: %s\n", r.Field, r.Why)
		}
		for _, d := range pl.Deferred {
			fmt.Fprintf(&b, "deferred %s %s\n", d.Path, d.Content)
		}
		for _, e := range pl.Unmountable {
			fmt.Fprintf(&b, "unmountable %s\n", e.Path)
		}
		for _, e := range pl.Noise {
			fmt.Fprintf(&b, "noise %s\n", e.Path)
		}
		return b.String()
	})
}

// TestRepairs widens the first profile (with what "profile" changes: lines "mount PATH KIND", "no PATH") after the
// failed run "run".
func TestRepairs(t *testing.T) {
	golden(t, "repairs", func(t *testing.T, a *txtar.Archive, in plan.Input) string {
		ctx := context.Background()
		users, err := plan.Users(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		pl, err := plan.First(ctx, in, users[0])
		if err != nil {
			t.Fatal(err)
		}
		cur := pl.Profile
		for line := range strings.Lines(section(a, "profile")) {
			f := strings.Fields(line)
			switch {
			case len(f) == 3 && f[0] == "mount":
				cur = cur.WithMount(profile.Mount{Path: f[1], Kind: profile.MountKind(f[2])})
			case len(f) == 2 && f[0] == "no":
				cur = cur.WithoutMount(f[1])
			default:
				t.Fatalf("profile line %q", line)
			}
		}
		run, err := observetest.Parse(section(a, "run"))
		if err != nil {
			t.Fatal(err)
		}
		repairs, err := plan.Repairs(ctx, in, pl, cur, run)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		fmt.Fprintf(&b, "from\n%s", indent(profileText(cur)))
		for i, r := range repairs {
			fmt.Fprintf(&b, "repair %d\n%s", i+1, indent(profileText(r.Profile)))
			for _, x := range r.Blames {
				fmt.Fprintf(&b, "  blames %s: %s\n", x.Setting, x.Evidence)
			}
			for _, x := range r.Reasons {
				fmt.Fprintf(&b, "  reason %s: %s\n", x.Field, x.Why)
			}
		}
		return b.String()
	})
}

func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n  ") + "\n"
}

// TestUsers lists the candidates: a case is the users' files, how the image declares its user, what ran, and what
// comes of it.
func TestUsers(t *testing.T) {
	const passwd = `
d 0755 101:101 /var/lib/owned
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

func TestMayRead(t *testing.T) {
	e := image.Entry{Kind: image.File, Mode: 0o640, UID: 5, GID: 6}
	for _, c := range []struct {
		user profile.User
		want bool
	}{
		{profile.User{UID: 5, GID: 5}, true}, {profile.User{UID: 7, GID: 6}, true}, {profile.User{UID: 7, GID: 7, Groups: []int64{6}}, true},
		{profile.User{UID: 7, GID: 7}, false}, {profile.User{}, true},
	} {
		if got := plan.MayRead(e, c.user); got != c.want {
			t.Errorf("MayRead by %+v = %v", c.user, got)
		}
	}
}

func TestSign(t *testing.T) {
	wide := profile.Profile{LowPorts: true}.WithMount(profile.Mount{Path: "/run", Kind: profile.Plain}).WithMount(profile.Mount{Path: "/tmp", Kind: profile.Plain})
	noPorts := wide
	noPorts.LowPorts = false
	for _, c := range []struct {
		name, run string
		narrow    profile.Profile
		want      string
	}{
		{"a traced denial below the missing mount", "open /tmp/x start denied EROFS\nopen /run/p start denied EROFS by app 101:101", wide.WithoutMount("/run"), "EROFS /run/p (app, uid 101)"},
		{"a line of the logs below it", "log open /run/p: read-only file system", wide.WithoutMount("/run"), "EROFS /run/p (in the logs)"},
		{"a line without a path", "log fatal: read-only file system", wide.WithoutMount("/run"), "fatal: read-only file system"},
		{"a port", "log bind() to 0.0.0.0:80 failed (13: Permission denied)", noPorts, "bind() to 0.0.0.0:80 failed (13: Permission denied)"},
		{"nothing", "log hello", wide.WithoutMount("/run"), ""},
	} {
		o, err := observetest.Parse(c.run)
		if err != nil {
			t.Fatal(err)
		}
		if got := plan.Sign(o, wide, c.narrow); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
