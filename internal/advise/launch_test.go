package advise_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/image"
)

const accounts = `
f 0755 0:0 /bin/sh
f 0755 0:0 /usr/sbin/daemon
-- /etc/passwd --
root:x:0:0::/root:/bin/sh
app:x:123:456::/home/app:/bin/sh
web:x:33:33::/var/www:/bin/sh
-- /etc/group --
root:x:0:
app:x:456:
web:x:33:
`

// judge advises on an image with an executable /entry of this text, and further files.
func judge(t *testing.T, config v1.Config, script, files string) advise.Report {
	t.Helper()
	tree := "f 0755 0:0 /entry\n" + strings.TrimPrefix(accounts, "\n")
	if files != "" {
		listing, rest := files, ""
		if i := strings.Index(files, "-- "); i >= 0 {
			listing, rest = files[:i], files[i:]
		}
		tree = listing + "\n" + tree + rest
	}
	tree += "-- /entry --\n" + script
	m, err := image.ParseMemTree(tree)
	if err != nil {
		t.Fatal(err)
	}
	facts := image.Facts{Ref: "example.com/app:1", Config: &v1.ConfigFile{OS: "linux", Config: config}}
	r, err := advise.Image(context.Background(), facts, m, advise.Options{Scan: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDropsInEntrypoints(t *testing.T) {
	drops := []string{
		`exec gosu app "$0" "$@"`,
		`exec gosu app:web daemon`,
		`exec gosu 123:456 daemon`,
		`exec su-exec app daemon`,
		`exec /usr/local/bin/su-exec app:app "$@"`,
		`exec setpriv --reuid=app --regid=app --clear-groups -- "$0" "$@"`,
		`exec setpriv --regid app --reuid 123 --init-groups daemon`,
		`exec runuser -u app -- daemon`,
		`exec runuser app -c "daemon"`,
		`exec runuser -s /bin/sh -l app -c daemon`,
		`exec s6-setuidgid app daemon`,
		`exec s6-applyuidgid -g 456 -u 123 -G "" daemon`,
		`exec chpst -u app:app daemon`,
		`exec chroot --userspec=app:app / daemon`,
		`exec chroot --userspec 123:456 / daemon`,
		`exec start-stop-daemon --start --chuid app --exec /usr/sbin/daemon`,
		`exec start-stop-daemon -S -c app:app -x /usr/sbin/daemon`,
		`exec su -s /bin/sh -c "exec daemon" app`,
		`exec su - app -c daemon`,
		`exec su app -c daemon`,
		`exec sudo -E -u app daemon`,
		`exec tini -- gosu app daemon`,
		`exec env HOME=/home/app su-exec app daemon`,
		`RUN_AS=app; exec gosu "$RUN_AS" daemon`,
		`export RUN_AS="app"; exec gosu "${RUN_AS}" daemon`,
		`exec gosu "${RUN_AS:-app}" daemon`,
		`exec gosu "$FROM_ENV" daemon`,
		"if [ \"$(id -u)\" = '0' ]; then\n\tchown -R app . || :\n\texec gosu app \"$BASH_SOURCE\" \"$@\"\nfi\nexec \"$@\"",
		`set -- gosu app "$@"; exec "$@"`,
		`run="exec su-exec app"; $run daemon`,
		"# exec gosu web daemon\nexec gosu \\\n  app \\\n  daemon",
		"cat <<'EOF'\nexec gosu web x\nEOF\nexec gosu app daemon",
		`. /lib.sh`,
		`exec /other "$@"`,
		`case "$1" in daemon) exec gosu app "$@";; esac`,
		`gosu app daemon`,
	}
	files := "f 0755 0:0 /other\n-- /lib.sh --\nexec gosu app daemon\n-- /other --\n#!/bin/sh\nexec gosu app \"$@\"\n"
	for _, line := range drops {
		config := v1.Config{Entrypoint: []string{"/entry"}, Cmd: []string{"daemon"}, Env: []string{"FROM_ENV=app", "PATH=/usr/sbin:/bin"}}
		r := judge(t, config, "#!/bin/sh\nset -e\n"+line+"\n", files)
		if r.Model != advise.RootDrops || r.User.UID != 123 {
			t.Errorf("%s:\n%s", line, r.Text())
		}
		if line == `exec gosu app:web daemon` && r.User.GID != 33 {
			t.Errorf("%s: group %d", line, r.User.GID)
		}
	}
}

func TestNoDropInEntrypoints(t *testing.T) {
	for _, line := range []string{
		`exec "$@"`,
		`exec daemon`,
		`# exec gosu app daemon`,
		`gosu app daemon --prepare; exec "$@"`,
		`exec gosu root "$@"`,
		`echo "exec gosu app daemon"; exec "$@"`,
		"cat <<EOF\nexec gosu app daemon\nEOF\nexec \"$@\"",
		`su -c 'true' app; exec daemon`,
		`exec`,
		`'unterminated`,
		`arr=(gosu app daemon); exec daemon`,
		`echo "$(echo "$(exec gosu app id)")"; exec daemon`,
		`[[ $1 == gosu ]] && x="exec gosu app"; exec daemon`,
	} {
		r := judge(t, v1.Config{Entrypoint: []string{"/entry"}, Cmd: []string{"daemon"}}, "#!/bin/sh\n"+line+"\n", "")
		if r.Model != advise.Root {
			t.Errorf("%s:\n%s", line, r.Text())
		}
	}
}

func TestDropsWithoutAScript(t *testing.T) {
	for _, c := range []v1.Config{
		{Entrypoint: []string{"gosu", "app", "daemon"}},
		{Entrypoint: []string{"tini", "-g", "--", "su-exec", "app"}, Cmd: []string{"daemon"}},
		{Cmd: []string{"/bin/sh", "-c", "exec su-exec app daemon"}},
		{Entrypoint: []string{"sh", "-ec", "true && exec setpriv --reuid=123 --regid=456 daemon"}},
	} {
		if r := judge(t, c, "", ""); r.Model != advise.RootDrops || r.User.UID != 123 || r.User.GID != 456 {
			t.Errorf("%v:\n%s", c, r.Text())
		}
	}
}

func TestDaemonSettings(t *testing.T) {
	cases := []struct {
		name, cmd, files string
		model            advise.Model
		uid              int64
	}{
		{"directive with semicolon", "daemon", "-- /etc/daemon/daemon.conf --\nuser  web web;\n", advise.RootWorkers, 33},
		{"directive", "daemon", "-- /usr/local/etc/daemon/daemon.cfg --\nglobal\n  user web\n  group web\n", advise.RootWorkers, 33},
		{"key", "daemon", "-- /etc/daemon.ini --\n[main]\nuser = web ; comment\n", advise.RootWorkers, 33},
		{"commented", "daemon", "-- /etc/daemon/daemon.conf --\n#user web;\n", advise.Root, 123},
		{"not an account", "daemon", "-- /etc/daemon/daemon.conf --\nuser default on nopass\nuser ghost;\n", advise.Root, 123},
		{"root", "daemon", "-- /etc/daemon/daemon.conf --\nuser root;\n", advise.Root, 123},
		{"config argument", "daemon -c /srv/x.conf", "-- /srv/x.conf --\nuser web;\n", advise.RootWorkers, 33},
		{"joined argument", "daemon --config=/srv/x.conf", "-- /srv/x.conf --\nUser web\n", advise.RootWorkers, 33},
		{"relative argument", "daemon -d /srv -f conf/x.conf", "-- /srv/conf/x.conf --\nUser web\n", advise.RootWorkers, 33},
		{"included", "daemon", "-- /etc/daemon/daemon.conf --\ninclude parts/*.conf;\n-- /etc/daemon/parts/a.conf --\nuser web;\n", advise.RootWorkers, 33},
		{"argument", "daemon -u web", "", advise.RootWorkers, 33},
		{"long argument", "daemon --user=web", "", advise.RootWorkers, 33},
		{"supervisor, all drop", "daemon -c /s.ini", "-- /s.ini --\n[program:a]\ncommand=/usr/sbin/x\nuser=web\n[program:b]\nuser=app\ncommand=y\n", advise.RootWorkers, 33},
		{"supervisor, one stays", "daemon -c /s.ini", "-- /s.ini --\n[program:a]\ncommand=/usr/sbin/x\nuser=web\n[program:b]\ncommand=y -z\n", advise.Root, 33},
		{"services", "/init", "f 0755 0:0 /init\nf 0755 0:0 /etc/services.d/a/run\n-- /etc/services.d/a/run --\n#!/usr/bin/with-contenv sh\nexec s6-setuidgid web daemon\n", advise.RootWorkers, 33},
	}
	for _, c := range cases {
		config := v1.Config{Cmd: strings.Fields(c.cmd), WorkingDir: "/work"}
		r := judge(t, config, "", "d 0755 123:456 /work\n"+c.files)
		if r.Model != c.model || r.User.UID != c.uid {
			t.Errorf("%s: want %s %d\n%s", c.name, c.model, c.uid, r.Text())
		}
	}
}

func TestUsersWithoutADrop(t *testing.T) {
	cases := []struct {
		name   string
		config v1.Config
		files  string
		model  advise.Model
		uid    int64
	}{
		{"numeric", v1.Config{User: "123"}, "", advise.NonRoot, 123},
		{"numeric without account", v1.Config{User: "777"}, "", advise.NonRoot, 777},
		{"name", v1.Config{User: "app"}, "", advise.NamedUser, 123},
		{"name and group", v1.Config{User: "app:web"}, "", advise.NamedUser, 123},
		{"name of root", v1.Config{User: "root:root"}, "", advise.Root, advise.FallbackID},
		{"zero", v1.Config{User: "0:0"}, "", advise.Root, advise.FallbackID},
		{"missing", v1.Config{User: "ghost"}, "", advise.MissingUser, advise.FallbackID},
		{"missing group", v1.Config{User: "app:ghost"}, "", advise.MissingUser, advise.FallbackID},
		{"owner of a volume", v1.Config{Volumes: map[string]struct{}{"/data": {}}}, "d 0700 33:33 /data\n", advise.Root, 33},
		{"owner without account", v1.Config{WorkingDir: "/w"}, "d 0700 4242:7 /w\n", advise.Root, 4242},
		{"named like the program", v1.Config{Cmd: []string{"/usr/bin/appd"}}, "f 0755 0:0 /usr/bin/appd\n", advise.Root, 123},
		{"nothing", v1.Config{Cmd: []string{"daemon"}}, "", advise.Root, advise.FallbackID},
	}
	for _, c := range cases {
		if r := judge(t, c.config, "", c.files); r.Model != c.model || r.User.UID != c.uid {
			t.Errorf("%s: want %s %d\n%s", c.name, c.model, c.uid, r.Text())
		}
	}
}

func TestFindings(t *testing.T) {
	r := judge(t, v1.Config{
		Cmd: []string{"daemon"}, Env: []string{"HOME=/nowhere", "PATH=/usr/sbin"},
		ExposedPorts: map[string]struct{}{"80/tcp": {}, "8080/tcp": {}},
		Volumes:      map[string]struct{}{"/data": {}, "/none": {}},
		Labels:       map[string]string{"org.opencontainers.image.base.name": "docker.io/library/debian:bookworm"},
	}, "", "f 4755 0:0 /usr/bin/su\nd 0755 0:0 /data\n")
	var got []string
	for _, f := range r.Findings {
		got = append(got, f.ID)
	}
	want := "[root never-drops setuid low-port owner volume home base]"
	if fmt.Sprint(got) != want {
		t.Errorf("findings %v, want %s\n%s", got, want, r.Text())
	}
	if id, ok := r.Has([]string{advise.IDNamedUser, advise.IDSetuid}); !ok || id != advise.IDSetuid {
		t.Errorf("Has: %q, %v", id, ok)
	}
}

func TestFileCapabilitiesOfTheProgram(t *testing.T) {
	tree := image.NewMemTree([]image.Entry{
		{Path: "/usr/bin/app", Kind: image.File, Mode: 0o755, Caps: "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
	}, nil)
	facts := image.Facts{Config: &v1.ConfigFile{OS: "linux", Config: v1.Config{Cmd: []string{"app"}}}}
	r, err := advise.Image(context.Background(), facts, tree, advise.Options{Scan: true})
	if err != nil {
		t.Fatal(err)
	}
	if text := r.Text(); !strings.Contains(text, "add NET_BIND_SERVICE back") {
		t.Error(text)
	}
	facts.Config.Config.Cmd = []string{"other"}
	if r, err = advise.Image(context.Background(), facts, tree, advise.Options{Scan: true}); err != nil {
		t.Fatal(err)
	}
	if text := unwrapped(r.Text()); !strings.Contains(text, "1 file with file capabilities: with all capabilities dropped they do not even start (/usr/bin/app: NET_BIND_SERVICE)") {
		t.Error(text)
	}
}

func FuzzScript(f *testing.F) {
	f.Add("exec gosu app \"$@\"", "web")
	f.Add("a=$(b `c` ${d:-e}) <<EOF\nx\nEOF\n'", "$")
	f.Fuzz(func(t *testing.T, script, user string) {
		tree := image.NewMemTree([]image.Entry{{Path: "/entry", Kind: image.File, Mode: 0o755}},
			map[string]string{"/entry": "#!/bin/sh\n" + script, "/etc/passwd": "app:x:1:1:::\n"})
		facts := image.Facts{Config: &v1.ConfigFile{Config: v1.Config{Entrypoint: []string{"/entry"}, User: user}}}
		if _, err := advise.Image(context.Background(), facts, tree, advise.Options{Scan: true}); err != nil {
			t.Error(err)
		}
	})
}

// Pinning a uid is enough only where the entrypoint asks who runs it.
func TestPinOfADropWhoeverRunsIt(t *testing.T) {
	for script, want := range map[string]string{
		"#!/bin/sh\nexec gosu app daemon\n":                                          "calls gosu whoever runs it",
		"#!/bin/sh\n[ $(id -u) = 0 ] && exec gosu app daemon\nexec daemon\n":         "the entrypoint then skips its chown",
		"#!/bin/sh\nif [ \"$UID\" = 0 ]; then exec gosu app daemon; fi\nexec daemon": "the entrypoint then skips its chown",
	} {
		r := judge(t, v1.Config{Entrypoint: []string{"/entry"}}, script, "")
		if r.Model != advise.RootDrops || !strings.Contains(r.Ways[0].Cost, want) {
			t.Errorf("%s: %s: %q, want %q", script, r.Model, r.Ways[0].Cost, want)
		}
	}
}
