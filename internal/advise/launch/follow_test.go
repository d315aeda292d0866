package launch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/advise/launch"
	"github.com/podseal/podseal/internal/image"
)

const accounts = `-- /etc/passwd --
root:x:0:0::/root:/bin/sh
app:x:123:456::/:
web:x:33:33::/:
`

// brief names the users that a start drops to, those of single commands in brackets, then the programs with their own users.
func brief(start launch.Start, leaves []launch.Leaf) string {
	var out []string
	for _, d := range start.Drops {
		user := d.User
		if !d.Whole {
			user = "(" + user + ")"
		}
		out = append(out, user)
	}
	for _, l := range leaves {
		text := "runs " + strings.Join(l.Program.Argv, " ")
		if l.By != nil {
			text += " as " + l.By.User
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// The tools that drop root take the user in different places.
func TestDropTools(t *testing.T) {
	for line, want := range map[string]string{
		"gosu app":                               "app",
		"gosu -x":                                "",
		"/sbin/su-exec app:web daemon":           "app:web",
		"setpriv --regid=web --reuid=app daemon": "app",
		"setpriv --regid web --reuid app daemon": "app",
		"setpriv --reuid":                        "",
		"setpriv --reuid= daemon":                "",
		"setpriv --no-new-privs -- daemon":       "",
		"runuser -s /bin/sh app -c daemon":       "app",
		"runuser -u app daemon":                  "app",
		"s6-setuidgid app daemon":                "app",
		"setuidgid app daemon":                   "app",
		"s6-applyuidgid -g 456 -u 123 daemon":    "123",
		"chpst -u app:web daemon":                "app:web",
		"chroot --userspec=app:web / daemon":     "app:web",
		"chroot / daemon":                        "",
		"start-stop-daemon --exec x --chuid app": "app",
		"su -s /bin/sh app":                      "app",
		"su - app":                               "app",
		"sudo -E -u app daemon":                  "app",
		"sudo daemon -u app":                     "",
		"doas -u app daemon":                     "app",
	} {
		start, _ := follow(t, accounts, strings.Fields(line))
		got := ""
		if len(start.Drops) > 0 {
			got = start.Drops[0].User
		}
		if got != want || got != "" && !start.Drops[0].Whole {
			t.Errorf("%s: drops to %q, want %q", line, got, want)
		}
	}
}

// The command lines of containers: shells, wrappers and scripts.
func TestCommandLines(t *testing.T) {
	files := "f 0755 0:0 /bin/sh\nf 0755 0:0 /entry\nf 0755 0:0 /srv/start\nl /loop -> /loop\n" + accounts + "-- /entry --\n#!/bin/sh\nexec daemon \"$@\"\n-- /srv/start --\n#!/bin/sh\nexec here\n"
	for line, want := range map[string]string{
		"tini":           "",
		"nice -n":        "",
		"env A=b daemon": "runs daemon",
		"sh":             "runs sh",
		"sh -x":          "runs sh -x",
		"sh -c":          "runs sh -c",
		"sh -c daemon":   "runs daemon",
		"sh /entry a":    "runs daemon a",
		"/entry a b":     "runs daemon a b",
		"./start":        "runs here",
		"../srv/start":   "runs here",
		"/loop":          "runs /loop",
		"/none/x":        "runs /none/x",
	} {
		if got := brief(follow(t, files, strings.Fields(line))); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

// The commands of an entrypoint's script.
func TestScripts(t *testing.T) {
	files := "f 0755 0:0 /bin/sh\nf 0755 0:0 /entry\n" + accounts +
		"-- /lib --\n. /lib\ngosu web prepare\n-- /drops --\nexec gosu web daemon\n-- /entry --\n#!/bin/sh\n"
	for script, want := range map[string]string{
		`set -- gosu app "$@"; exec "$@"`:      "app, runs daemon",
		`set -- gosu; exec daemon`:             "runs daemon",
		`set -e; exec daemon`:                  "runs daemon",
		`set -e gosu app; exec daemon`:         "runs daemon",
		`set; exec daemon`:                     "runs daemon",
		`gosu app daemon --prepare; exec "$@"`: "(app), runs daemon",
		`env A=b gosu app x; exec "$@"`:        "(app), runs daemon",
		`gosu app prepare; exec /entry`:        "(app)",
		`. /lib; exec "$@"`:                    "(web), runs daemon",
		`. /lib; . /lib; exec "$@"`:            "(web), runs daemon",
		`source /drops`:                        "web",
		`.; exec daemon`:                       "runs daemon",
		`. "$UNKNOWN/lib"; exec daemon`:        "runs daemon",
		`exec`:                                 "",
		`exec $UNKNOWN daemon`:                 "",
		`exec unshare "$0" again`:              "",
		`exec unshare "$BASH_SOURCE" again`:    "",
		`exec "$0"`:                            "",
		`true`:                                 "",
	} {
		if got := brief(follow(t, files+script+"\n", []string{"/entry", "daemon"})); got != want {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
}

// Scripts that start scripts are followed for four of them, commands of shells in commands of shells likewise, and scripts that
// read scripts for eight. A program of
// more than 128 KiB is no script.
func TestDepthOfScripts(t *testing.T) {
	chain := func(n int, start string) (files string) {
		listing, text := "f 0755 0:0 /bin/sh\n", accounts
		for i := range n {
			listing += fmt.Sprintf("f 0755 0:0 /%d\n", i)
			text += fmt.Sprintf("-- /%d --\n#!/bin/sh\n%s /%d\n", i, start, i+1)
		}
		return listing + text
	}
	for _, c := range []struct {
		files string
		want  string
	}{
		{chain(4, "exec"), "runs /4"},
		{chain(5, "exec"), ""},
		{chain(2, "exec sh -c"), "runs /2"},
		{chain(3, "exec sh -c"), ""},
		{chain(8, ".") + "-- /8 --\n#!/bin/sh\ngosu app x\n", "(app)"},
		{chain(9, ".") + "-- /9 --\n#!/bin/sh\ngosu app x\n", ""},
	} {
		if got := brief(follow(t, c.files, []string{"/0"})); got != c.want {
			t.Errorf("got %q, want %q of\n%s", got, c.want, c.files)
		}
	}
	for size, want := range map[int]string{128 << 10: "runs daemon", 128<<10 + 1: "runs /big"} {
		const script = "#!/bin/sh\nexec daemon\n#"
		files := "f 0755 0:0 /big\n-- /big --\n" + script + strings.Repeat("x", size-len(script)-1) + "\n"
		if got := brief(follow(t, files, []string{"/big"})); got != want {
			t.Errorf("%d bytes: %q, want %q", size, got, want)
		}
	}
}

// The settings by which a daemon's workers become another user.
func TestUsersOfDaemons(t *testing.T) {
	const daemon = "f 0755 0:0 /usr/bin/daemon\n"
	for _, c := range []struct{ name, line, files, want string }{
		{"an argument", "daemon -u web", "", "web"},
		{"a capital argument", "daemon -U web", "", "web"},
		{"a long argument", "daemon --user web", "", "web"},
		{"a joined argument", "daemon --user=web", "", "web"},
		{"an argument without a value", "daemon -u", "", ""},
		{"a joined argument without a value", "daemon --user= web", "", ""},
		{"another argument", "daemon -x web", "", ""},
		{"root", "daemon -u root", "", ""},
		{"no account", "daemon -u ghost", "", ""},
		{"a file at the usual place", "daemon", "-- /etc/daemon.conf --\nuser web;\n", "web"},
		{"a setting of no account", "daemon", "-- /etc/daemon.conf --\nuser ghost;\n", ""},
		{"a setting of root", "daemon", "-- /etc/daemon.conf --\nuser root;\n", ""},
		{"a setting of an unknown variable", "daemon", "-- /etc/daemon.conf --\nuser ${NONE}\n", ""},
		{"a file of an argument", "daemon -c /x.conf", "-- /x.conf --\nuser web;\n", "web"},
		{"a file of a short argument", "daemon -c/x.conf", "-- /x.conf --\nuser web;\n", "web"},
		{"a file of a joined argument", "daemon --config=/x.conf", "-- /x.conf --\nuser web;\n", "web"},
		{"a relative file", "daemon -c x.conf", "-- /srv/x.conf --\nuser web;\n", "web"},
		{"a file below the folder of another argument", "daemon -d/ x.conf", "-- /x.conf --\nuser web;\n", "web"},
		{"an absolute file is not below the working folder", "daemon /x.conf", "-- /srv/x.conf --\nuser web;\n", ""},
		{"a word without a dot is no file", "daemon conf", "-- /srv/conf --\nuser web;\n", ""},
		{"an option is no file", "daemon -x.conf", "-- /srv/-x.conf --\nuser web;\n", ""},
		{"an executable file", "daemon -c /x.conf", "f 0755 0:0 /x.conf\n-- /x.conf --\nuser web;\n", ""},
		{"a folder", "daemon -c /x.conf", "d 0644 0:0 /x.conf\n", ""},
		{"a file of the linked program", "linked", "l /usr/bin/linked -> /opt/d/sbin/other\nf 0755 0:0 /opt/d/sbin/other\n-- /opt/d/conf/other.conf --\nuser web;\n", "web"},
		{"a file beside a program that is not in the image", "none", "-- /conf/none.conf --\nuser web;\n", ""},
		{"an included file", "daemon", "-- /etc/daemon.conf --\ninclude parts/*.conf;\n-- /etc/parts/a.conf --\nuser web;\n", "web"},
		{"a file below an included folder", "daemon", "-- /etc/daemon.conf --\ninclude parts/*.conf;\n-- /etc/parts/sub/a.conf --\nuser web;\n", ""},
		{"files that include each other", "daemon", "-- /etc/daemon.conf --\ninclude /a.conf\n-- /a.conf --\ninclude /etc/daemon.conf\n", ""},
	} {
		listing, text, _ := strings.Cut(c.files, "-- ")
		if text != "" {
			text = "-- " + text
		}
		want := "runs " + c.line
		if c.want != "" {
			want += " as " + c.want
		}
		if got := brief(follow(t, daemon+listing+accounts+text, strings.Fields(c.line))); got != want {
			t.Errorf("%s: %q, want %q", c.name, got, want)
		}
	}
}

// A configuration has at most 60 files of at most 128 KiB each.
func TestSizeOfConfigurations(t *testing.T) {
	for n, want := range map[int]string{59: "runs daemon as web", 60: "runs daemon"} {
		files, main := "", ""
		for i := range n {
			main += fmt.Sprintf("include /part%d.conf\n", i)
			files += fmt.Sprintf("-- /part%d.conf --\n#\n", i)
		}
		files = accounts + "-- /etc/daemon.conf --\n" + main + files + "user web;\n" // in the last part
		if got := brief(follow(t, files, []string{"daemon"})); got != want {
			t.Errorf("%d included files: %q, want %q", n, got, want)
		}
	}
	for size, want := range map[int]string{128 << 10: "runs daemon as web", 128<<10 + 1: "runs daemon"} {
		text := "user web;\n"
		files := accounts + "-- /etc/daemon.conf --\n" + text + "#" + strings.Repeat("x", size-len(text)-2) + "\n"
		if got := brief(follow(t, files, []string{"daemon"})); got != want {
			t.Errorf("%d bytes: %q, want %q", size, got, want)
		}
	}
}

// A supervisor is replaced by the programs that it starts, and so is one that it starts, up to the third.
func TestSupervisors(t *testing.T) {
	chain := func(n int) string {
		text := accounts
		for i := range n {
			command := fmt.Sprintf("supervisord -c /%d.ini", i+1)
			if i == n-1 {
				command = "daemon -u web"
			}
			text += fmt.Sprintf("-- /%d.ini --\n[program:a]\ncommand=%s\n", i, command)
		}
		return text
	}
	init := func(run string) string {
		return "f 0755 0:0 /init\nf 0755 0:0 /etc/sv/a/run\n" + accounts + "-- /etc/sv/a/run --\n#!/bin/sh\n" + run + "\n"
	}
	for _, c := range []struct{ files, line, want string }{
		{chain(3), "supervisord -c /0.ini", "runs daemon -u web as web"},
		{chain(4), "supervisord -c /0.ini", "runs daemon -u web"},
		{accounts + "-- /s.ini --\n[include]\nfiles = /p.ini /p.ini\n-- /p.ini --\n[program:a]\ncommand=one\n", "supervisord -c /s.ini", "runs one"},
		{init("exec gosu app b"), "/init", "runs /etc/sv/a/run as app"},
		{init("exec gosu root b"), "/init", "runs /init"},
		{init("exec gosu 0 b"), "/init", "runs /init"},
		{init("gosu app prepare; exec b"), "/init", "runs b"},
		{init("exec /init"), "/init", "runs /init"},
	} {
		if got := brief(follow(t, c.files, strings.Fields(c.line))); got != c.want {
			t.Errorf("%s of\n%s: %q, want %q", c.line, c.files, got, c.want)
		}
	}
}

// A link that leads to itself leads to no file.
func TestLookupOfALoop(t *testing.T) {
	tree, err := image.ParseMemTree("l /loop -> /loop\n")
	if err != nil {
		t.Fatal(err)
	}
	if e, ok, err := (launch.Reader{Tree: tree}).Lookup(t.Context(), "/loop"); ok || err != nil {
		t.Errorf("%+v, %t, %v", e, ok, err)
	}
}
