package sealfile

import (
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/target"
)

// TestCleaner takes what changes from run to run out of texts, and secrets, and nothing else.
func TestCleaner(t *testing.T) {
	c := cleaner{target: target.Target{Secrets: []string{"hunter2"}}, runID: "r4x7", hosts: []string{"", "web-1b7", "podseal-r4x7-2"}}
	for in, want := range map[string]string{
		"2026/01/31 12:00:01 [emerg] 7#7: bind() to 0.0.0.0:80 failed (13: Permission denied)": "(time) [emerg] (pid): bind() to 0.0.0.0:80 failed (13: Permission denied)",
		"2026-01-31T12:00:01.123Z ERROR x":                    "(time) ERROR x",
		"[31/Jan/2026:12:00:01 +0000] x":                      "[(time)] x",
		"Sat Jan 31 12:00:01 2026: x":                         "(time): x",
		"not ready after 1m30s; limit 2.5s":                   "not ready after (duration); limit (duration)",
		"curl: (7) Failed to connect to 127.0.0.1 port 32771": "curl: (7) Failed to connect to 127.0.0.1 port (port)",
		"USER 65532:65532, nobody is 65534":                   "USER 65532:65532, nobody is 65534",
		"http://127.0.0.1:40001/ and http://[::1]:40001/":     "http://127.0.0.1:(port)/ and http://[::1]:(port)/",
		"USER 50000:50000 is refused (app, uid 50000)":        "USER 50000:50000 is refused (app, uid 50000)",
		"app[123]: pid 77 at 0x7ffe12":                        "app[(pid)]: pid (pid) at (address)",
		"exited 1; EROFS /run/nginx.pid (nginx, uid 101)":     "exited 1; EROFS /run/nginx.pid (nginx, uid 101)",
		"EROFS /var/x/sedTyYnU1 (sed, uid 101)":               "EROFS /var/x/* (sed, uid 101)",
		"no route to 172.17.0.5":                              "no route to (address)",
		"container podseal-r4x7-3-app is gone":                "container podseal-(run)-3-app is gone",
		"client --password=x said hunter2":                    "client --password=*** said (secret)",
		"cannot open /var/lib/x/node@web-1b7-features":        "cannot open /var/lib/x/node@(host)-features",
		"cannot open /srv/podseal-r4x7-2.pid":                 "cannot open /srv/(host).pid",
		"two\nlines":                                          "two\\nlines",
	} {
		if got := c.text(in); got != want {
			t.Errorf("%q\n got %q\nwant %q", in, got, want)
		}
	}
}

// TestStablePath replaces the names that were made up at run time.
func TestStablePath(t *testing.T) {
	for in, want := range map[string]string{
		"/etc/nginx/conf.d/sedsRBTbc": "/etc/nginx/conf.d/*", "/tmp/tmp.x8Kd92aQ/f": "/tmp/*/f", "/etc/nginx/nginx.conf": "/etc/nginx/nginx.conf",
		"/run/nginxPid": "/run/nginxPid", "/srv/README": "/srv/README",
	} {
		if got := (cleaner{}).path(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if got := (cleaner{}).process("GC Thread#3"); got != "GC Thread#*" {
		t.Error(got)
	}
}

// TestHostsInPaths: each run has another host, and its paths are the same in a seal file.
func TestHostsInPaths(t *testing.T) {
	c := cleaner{hosts: []string{"run-1", "run-10", "3f2a1b4c5d6e"}}
	for in, want := range map[string]string{
		"/srv/node@run-1":      "/srv/node@(host)",
		"/srv/node@run-10":     "/srv/node@(host)",
		"/srv/3f2a1b4c5d6e.id": "/srv/(host).id",
		"/srv/3f2a1b4c5d6e" + strings.Repeat("ab0", 17) + "f": "/srv/*", // the whole id of the container
	} {
		if got := c.path(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
