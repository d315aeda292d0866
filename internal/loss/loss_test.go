package loss

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/observe/observetest"
	"github.com/podseal/podseal/internal/profile"
)

// TestLosses compares an open run and a sealed run.
func TestLosses(t *testing.T) {
	tree, err := image.ParseMemTree("f 0644 0:0 /etc/app/auth.conf\nd 0755 0:0 /var/log\nf 0644 0:0 /etc/hosts\n" +
		"f 0644 0:0 /usr/lib/a/m.py\nf 0644 0:0 /usr/lib/b/m.py\nf 0644 0:0 /usr/lib/c/m.py\nf 0644 0:0 /usr/lib/d/m.py\n" +
		"d 0755 0:0 /srv/a\nd 0755 0:0 /srv/b\nd 0755 0:0 /srv/c\n")
	if err != nil {
		t.Fatal(err)
	}
	p := profile.Profile{WorkingDir: "/workdir", Env: map[string]string{"HOME": "/home/own", "TMPDIR": "/cache"}}.WithMount(profile.Mount{Path: "/data", Kind: profile.Plain})
	for _, tt := range []struct{ name, open, sealed, want string }{
		{"nothing", "trace on\nopen /var/log/x e2e by app 0:0", "trace on\nopen /var/log/x e2e by app 5:5", ""},
		{
			"a swallowed refusal", "trace on\nopen /var/log/x e2e by app 0:0", "trace on\nopen /var/log/x e2e denied EROFS by app 5:5",
			"refused /var/log/x: EROFS /var/log/x (app, uid 5)",
		},
		{"the open run was refused, too", "trace on\nopen /var/log/x e2e denied EACCES by app 1:1", "trace on\nopen /var/log/x e2e denied EROFS by app 5:5", ""},
		{
			"a file of the runtime", "trace on\nopen /etc/hosts start by sh 0:0", "trace on\nopen /etc/hosts start denied EACCES by sh 5:5",
			"refused /etc/hosts: EACCES /etc/hosts (sh, uid 5); a kubelet manages this file: name the hosts in the pod's hostAliases",
		},
		{
			"caches in each folder of code",
			"trace on\nmkdir /usr/lib/a/__c/ start by py 0:0\nmkdir /usr/lib/b/__c/ start by py 0:0\nmkdir /usr/lib/c/__c/ start by py 0:0\nmkdir /usr/lib/d/__c/ start by py 0:0\nopen /var/log/x start by py 0:0",
			"trace on\nmkdir /usr/lib/a/__c/ start denied EROFS by py 5:5\nmkdir /usr/lib/b/__c/ start denied EROFS by py 5:5\nmkdir /usr/lib/c/__c/ start denied EROFS by py 5:5\nmkdir /usr/lib/d/__c/ start denied EROFS by py 5:5\nopen /var/log/x start denied EROFS by py 5:5\nlog cannot make /usr/lib/c/__c: error 30",
			"refused /var/log/x: EROFS /var/log/x (py, uid 5)",
		},
		{
			"caches named after the code",
			"trace on\nmkdir /usr/lib/a/__c/ start by py 0:0\nopen /usr/lib/a/__c/m.x.pyc start by py 0:0\nmkdir /usr/lib/b/__c/ start by py 0:0\nmkdir /usr/lib/c/__c/ start by py 0:0",
			"trace on\nmkdir /usr/lib/a/__c/ start denied EROFS by py 5:5\nmkdir /usr/lib/b/__c/ start denied EROFS by py 5:5\nmkdir /usr/lib/c/__c/ start denied EROFS by py 5:5",
			"",
		},
		{
			"directories of data next to code",
			"trace on\nmkdir /usr/lib/a/up/ e2e by app 0:0\nmkdir /usr/lib/b/up/ e2e by app 0:0\nopen /usr/lib/b/up/photo e2e by app 0:0\nmkdir /usr/lib/c/up/ e2e by app 0:0",
			"trace on\nmkdir /usr/lib/a/up/ e2e denied EROFS by app 5:5\nmkdir /usr/lib/b/up/ e2e denied EROFS by app 5:5\nmkdir /usr/lib/c/up/ e2e denied EROFS by app 5:5",
			"refused /usr/lib/a/up: EROFS /usr/lib/a/up (app, uid 5)\nrefused /usr/lib/b/up: EROFS /usr/lib/b/up (app, uid 5)\nrefused /usr/lib/c/up: EROFS /usr/lib/c/up (app, uid 5)",
		},
		{
			"directories in empty folders",
			"trace on\nmkdir /srv/a/up/ e2e by app 0:0\nmkdir /srv/b/up/ e2e by app 0:0\nmkdir /srv/c/up/ e2e by app 0:0",
			"trace on\nmkdir /srv/a/up/ e2e denied EROFS by app 5:5\nmkdir /srv/b/up/ e2e denied EROFS by app 5:5\nmkdir /srv/c/up/ e2e denied EROFS by app 5:5",
			"refused /srv/a/up: EROFS /srv/a/up (app, uid 5)\nrefused /srv/b/up: EROFS /srv/b/up (app, uid 5)\nrefused /srv/c/up: EROFS /srv/c/up (app, uid 5)",
		},
		{
			"files of one name are no caches",
			"trace on\nopen /srv/a/rc start by py 0:0\nopen /srv/b/rc start by py 0:0\nopen /srv/c/rc start by py 0:0",
			"trace on\nopen /srv/a/rc start denied EROFS by py 5:5\nopen /srv/b/rc start denied EROFS by py 5:5\nopen /srv/c/rc start denied EROFS by py 5:5",
			"refused /srv/a/rc: EROFS /srv/a/rc (py, uid 5)\nrefused /srv/b/rc: EROFS /srv/b/rc (py, uid 5)\nrefused /srv/c/rc: EROFS /srv/c/rc (py, uid 5)",
		},
		{
			"in another home", "trace on\nopen /root/.config/rc start by app 0:0\nopen /root/.other start by app 0:0",
			"trace on\nopen /home/own/.config/rc start by app 5:5", "not attempted /root/.other: written in the open run by app (uid 0)",
		},
		{"a device", "trace on\nopen /dev/null start by sh 0:0", "trace on\nopen /dev/null start denied EACCES by sh 5:5", ""},
		{
			"only root writes it, the image's file first", "trace on\nopen /etc/app/a.new start by sh 0:0\nopen /etc/app/auth.conf start by sh 0:0", "trace on",
			"not attempted /etc/app/auth.conf: written in the open run by sh (uid 0)\nnot attempted /etc/app/a.new: written in the open run by sh (uid 0)",
		},
		{
			"a copy that keeps no owner", "trace on\nopen /config/a start by cp 0:0\nchown /config/a start by cp 0:0",
			"trace on\nopen /config/a start by cp 5:5\nchown /config/a start denied EPERM by cp 5:5", "",
		},
		{
			"a file whose owner alone the sealed run tried to change", "trace on\nchown /srv/a start by sh 0:0\nchown /etc/app/auth.conf start by sh 0:0\nopen /etc/app/auth.conf start by sh 0:0\nopen /srv/a/x start by sh 0:0",
			"trace on\nchown /srv/a start denied EPERM by sh 5:5\nchown /etc/app/auth.conf start denied EPERM by sh 5:5",
			"not attempted /etc/app/auth.conf: written in the open run by sh (uid 0)\nnot attempted /srv/a/x: written in the open run by sh (uid 0)",
		},
		{"only owners change", "trace on\nchown /etc/app/auth.conf start by sh 0:0", "trace on", ""},
		{
			"below a refused directory", "trace on\nmkdir /srv/cache/ start by py 0:0\nopen /srv/cache/m.pyc start by py 0:0",
			"trace on\nmkdir /srv/cache/ start denied EROFS by py 5:5", "refused /srv/cache: EROFS /srv/cache (py, uid 5)",
		},
		{
			"another file of the folder", "trace on\nopen /var/log/x e2e by app 0:0\nopen /var/log/y e2e by app 0:0", "trace on\nopen /var/log/x e2e by app 5:5",
			"not attempted /var/log/y: written in the open run by app (uid 0)",
		},
		{
			"another file of the folder is refused", "trace on\nopen /var/log/x e2e by app 0:0\nopen /var/log/y e2e by app 0:0",
			"trace on\nopen /var/log/y e2e denied EROFS by app 5:5",
			"refused /var/log/y: EROFS /var/log/y (app, uid 5)\nnot attempted /var/log/x: written in the open run by app (uid 0)",
		},
		{
			"a program twice", "process 5:5 helper\nprocess 6:6 helper\nprocess 7:7 agent", "process main 5:5 web",
			"process agent: ran in the open run as uid 7\nprocess helper: ran in the open run as uid 5",
		},
		{
			"by another name", "trace on\nopen /var/log/m.pyc start by py 0:0", "trace on\nopen /var/log/m.pyc.140004580377856 start denied EROFS by py 5:5",
			"refused /var/log: EROFS /var/log/m.pyc.140004580377856 (py, uid 5)",
		},
		{
			"a file that is renamed", "trace on\nopen /etc/app/sedNnhFAr start by sed 0:0\nrename /etc/app/sedNnhFAr -> /etc/app/auth.conf start by sed 0:0\nC /etc/app/auth.conf start",
			"trace on\nopen /etc/app/auth.conf start denied EROFS by sed 5:5", "refused /etc/app/auth.conf: EROFS /etc/app/auth.conf (sed, uid 5)",
		},
		{"untraced", "open /var/log/x e2e by app 0:0", "trace on", ""},
		{
			"a process and a port", "process main 0:0 web\nprocess 5:5 helper\nlisten 80\nlisten 9000", "process main 5:5 web\nlisten 80",
			"process helper: ran in the open run as uid 5\nport 9000: something listened on it in the open run",
		},
		{"an ephemeral port", "listen 80\nlisten 38183", "listen 80\nlisten 41007", ""},
		{
			"one of two ephemeral ports, and a fixed one", "listen 80\nlisten 38183\nlisten 39000", "listen 8080\nlisten 41007",
			"port 80: something listened on it in the open run\nport 39000: something listened on it in the open run",
		},
		{
			"in other folders", "trace on\nopen /f.txt e2e by app 0:0\nopen /g.txt e2e by app 0:0\nopen /tmp/x e2e by app 0:0",
			"trace on\nopen /workdir/f.txt e2e by app 5:5\nopen /cache/x e2e by app 5:5", "not attempted /g.txt: written in the open run by app (uid 0)",
		},
		{
			"files with the names of those in moved folders", "trace on\nopen /etc/app/auth.conf e2e by app 0:0\nopen /srv/x e2e by app 0:0\nopen /root/rc e2e by app 0:0",
			"trace on\nopen /workdir/auth.conf e2e by app 5:5\nopen /cache/x e2e by app 5:5\nopen /home/own/rc e2e denied ENOSPC by app 5:5",
			"not attempted /etc/app/auth.conf: written in the open run by app (uid 0)\nnot attempted /root/rc: written in the open run by app (uid 0)\nnot attempted /srv/x: written in the open run by app (uid 0)",
		},
		{
			"the mode of a mount", "trace on\nchmod /data start by app 0:0\nchmod /srv/a start by app 0:0",
			"trace on\nchmod /data start denied EPERM by app 5:5\nchmod /srv/a start denied EROFS by app 5:5\nlog chmod: changing permissions of '/var/data': Operation not permitted", "refused /srv/a: EROFS /srv/a (app, uid 5)",
		},
		{
			"an attribute of a mount", "trace on\nsetxattr /data start by app 0:0", "trace on\nsetxattr /data start denied EPERM by app 5:5",
			"refused /data: EPERM /data (app, uid 5)",
		},
		{
			"errors around a restart", "log started", "log error: no peer\nlogs restart\nlog fatal: recovering\nlog error: cannot open /var/x: Read-only file system",
			"log error: no peer: logged by the sealed run alone\nlog error: cannot open /var/x: Read-only file system: logged by the sealed run alone",
		},
		{
			"an error of the stop", "log started", "log started\nlogs restart\nlog error: recovering\nlogs stop\nlog error: the state is lost",
			"log error: the state is lost: logged by the sealed run alone",
		},
		{
			"errors about other things than the owner of a folder", "trace on\nchown / start by app 0:0\nchown /data start by app 0:0\nchown /data/h/ start by app 0:0",
			"trace on\nchown / start denied EPERM by app 5:5\nchown /data start denied EPERM by app 5:5\nchown /data/h/ start denied EPERM by app 5:5\n" +
				"log chown: changing ownership of '/data/h': Operation not permitted\nlog PermissionError: [Errno 1] Operation not permitted: '/data'\n" +
				"log error: /database/x is broken\nlog error: cannot parse /data/conf\nlog open /data: permission denied",
			"log error: /database/x is broken: logged by the sealed run alone\nlog error: cannot parse /data/conf: logged by the sealed run alone\n" +
				"log open /data: permission denied: logged by the sealed run alone",
		},
		{"a new error", "log error at 12:01", "log error at 13:44\nlog fatal: no auth", "log fatal: no auth: logged by the sealed run alone"},
		{
			"an error about a loss", "trace on\nopen /var/log/x e2e by app 0:0", "trace on\nopen /var/log/x e2e denied EROFS by app 5:5\nlog cannot write /var/log/x",
			"refused /var/log/x: EROFS /var/log/x (app, uid 5)",
		},
	} {
		open, err := observetest.Parse(tt.open)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := observetest.Parse(tt.sealed)
		if err != nil {
			t.Fatal(err)
		}
		found, err := Find(context.Background(), tree, open, sealed, p)
		var got []string
		for _, l := range found {
			got = append(got, fmt.Sprintf("%s %s: %s", l.Kind, l.What, l.Detail))
		}
		if s := strings.Join(got, "\n"); s != tt.want || err != nil {
			t.Errorf("%s:\n got %s (%v)\nwant %s", tt.name, s, err, tt.want)
		}
	}
}

// TestLossesOnHosts: the hosts of the runs have other names, in paths and in messages about them.
func TestLossesOnHosts(t *testing.T) {
	parse := func(text, host string) observe.Observation {
		o, err := observetest.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		o.Hostname = host
		return o
	}
	open := parse("trace on\nopen /var/log/run-1.log start by app 0:0\nopen /srv/run-1 start by app 0:0", "run-1")
	sealed := parse("trace on\nopen /var/log/run-10.log start by app 5:5\nopen /srv/run-10 start denied EROFS by app 5:5\nlog cannot open /srv/run-10: Read-only file system", "run-10")
	got, err := Find(t.Context(), image.NewMemTree(nil, nil), open, sealed, profile.Profile{})
	if err != nil || len(got) != 1 || got[0].Kind != Refused || got[0].What != "/srv/(host)" {
		t.Errorf("%+v, %v", got, err)
	}
}
