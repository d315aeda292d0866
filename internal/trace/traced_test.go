//go:build linux && engine

package trace_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace"
)

// pathsWant is what the application's "paths" does to files, long folders left out.
var pathsWant = []string{
	"bind /a/socket allowed",
	"chmod /a/b/dirfd allowed",
	"chmod /a/moved allowed",
	"chown /a/alias allowed owner 33",
	"link /a/moved -> /a/b/second allowed",
	"mkdir /a allowed dir",
	"mkdir /a unknown EEXIST dir",
	"mkdir /a/b allowed dir",
	"mkdir /a/b/c allowed dir",
	"mkdir /a/gone allowed dir",
	"mknod /a/fifo allowed",
	"open /a/b/* allowed",
	"open /a/b/c/through allowed",
	"open /a/b/dirfd allowed",
	"open /a/b/jailed allowed",
	"open /a/b/relative allowed",
	"open /a/new\nline allowed",
	"open /a/outside allowed",
	"open /nowhere/at/all unknown ENOENT",
	"rename /a/b/relative -> /a/moved allowed",
	"rmdir /a/gone allowed dir",
	"symlink /a/alias allowed",
	"symlink /link allowed",
	"truncate /a/moved allowed",
	"unlink /a/b/second allowed",
	"unlink /a/gone allowed dir",
}

func TestPaths(t *testing.T) {
	l := needEngine(t)
	for _, app := range []string{"/bin/app", "/bin/app386"} {
		t.Run(strings.TrimPrefix(app, "/bin/"), func(t *testing.T) {
			r := l.start(t, nil, app, "paths")
			if code := r.end(t); code != 0 {
				t.Fatalf("the application failed: %s", r.logs(t))
			}
			writes := r.session.Writes()
			short := slices.DeleteFunc(slices.Clone(writes), func(w observe.Write) bool { return strings.Contains(w.Path, "xxx") })
			got := lines(short)
			slices.Sort(got)
			if diff := cmp.Diff(pathsWant, got); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
			longest := slices.MaxFunc(writes, func(a, b observe.Write) int { return len(a.Path) - len(b.Path) })
			if len(longest.Path) != 4095 || longest.Outcome != observe.Allowed {
				t.Errorf("the longest path has %d bytes, outcome %s", len(longest.Path), longest.Outcome)
			}
			if s := r.session.Status(); !s.On || s.Lost != 0 {
				t.Errorf("status: %+v", s)
			}
			if r.session.Noise() == 0 {
				t.Error("the write to /dev/null was not counted")
			}
		})
	}
}

func TestDenied(t *testing.T) {
	l := needEngine(t)
	sealed := []string{"-u", "54321:54321", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"}
	for _, c := range []struct {
		name  string
		flags []string
		want  []string
	}{
		{"other uid", sealed, []string{
			"chmod /etc/owned-by-root denied EPERM",
			"chown /writable/ok denied EPERM owner 1",
			"mkdir /var/run denied EACCES dir",
			"open /etc/config denied EACCES",
			"open /etc/owned-by-root denied EACCES",
			"open /writable/below allowed",
			"open /writable/closed/in denied EACCES",
			"open /writable/ok allowed",
			"rmdir /etc/owned-by-root denied EACCES dir",
			"unlink /etc/owned-by-root denied EACCES",
		}},
		{"other uid, read-only", append(slices.Clone(sealed), "--read-only", "--tmpfs", "/run"), []string{
			"chmod /etc/owned-by-root denied EROFS",
			"chown /writable/ok unknown ENOENT owner 1",
			"mkdir /var/run denied EROFS dir",
			"open /etc/config denied EROFS",
			"open /etc/owned-by-root denied EACCES",
			"open /writable/below denied EROFS",
			"open /writable/closed/in denied EACCES",
			"open /writable/ok denied EROFS",
			"rmdir /etc/owned-by-root denied EROFS dir",
			"unlink /etc/owned-by-root denied EROFS",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := l.start(t, c.flags, "app", "denied")
			if code := r.end(t); code != 0 {
				t.Fatal(r.logs(t))
			}
			writes := r.session.Writes()
			got := lines(writes)
			slices.Sort(got)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
			for _, w := range writes {
				if w.UID != 54321 || w.GID != 54321 || w.PID != 1 || w.Command != "app" || w.Phase != observe.Start {
					t.Errorf("wrong process: %+v", w)
				}
			}
			binds := r.session.Binds()
			if len(binds) != 1 || binds[0].Port != 80 || binds[0].Errno != "EACCES" {
				t.Errorf("binds: %+v", binds)
			}
		})
	}
}

// Connections to other addresses are seen, each once, with their outcomes; loopback and a server's answers are not.
func TestConnections(t *testing.T) {
	l := needEngine(t)
	for _, app := range []string{"/bin/app", "/bin/app386"} {
		r := l.start(t, nil, app, "connections")
		r.started(t)
		own := strings.TrimSpace(l.must(t, "inspect", "-f", "{{.NetworkSettings.IPAddress}}", r.id))
		var open []observe.Connection
		for deadline := time.Now().Add(10 * time.Second); len(open) == 0 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			var err error
			if open, err = r.session.OpenConnections(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if len(open) != 1 || open[0].Address != "192.0.2.2" || open[0].Protocol != "udp" || open[0].Outcome != observe.Allowed {
			t.Errorf("%s: open connections: %+v", app, open)
		}
		if code := r.end(t); code != 0 {
			t.Fatal(r.logs(t))
		}
		var got []string
		for _, c := range r.session.Connections() {
			got = append(got, fmt.Sprintf("%s %s %d %s %s", c.Protocol, strings.Replace(c.Address, own, "own", 1), c.Port, c.Phase, c.Outcome))
			if c.PID != 1 || c.UID != 0 || c.Command != strings.TrimPrefix(app, "/bin/") || c.Exec {
				t.Errorf("wrong process: %+v", c)
			}
		}
		want := []string{
			"tcp own 8081 start allowed", "udp 192.0.2.1 5000 start unknown", "udp 192.0.2.2 5001 start allowed",
			"udp 192.0.2.3 53 start allowed", "udp 192.0.2.4 5002 start allowed",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: connections (-want +got):\n%s", app, diff)
		}
	}
}

// Users and groups that processes take for a moment are seen, and those that they write as.
func TestIdentities(t *testing.T) {
	l := needEngine(t)
	for _, app := range []string{"/bin/app", "/bin/app386"} {
		r := l.start(t, []string{"--group-add", "9"}, app, "identities")
		if code := r.end(t); code != 0 {
			t.Fatal(r.logs(t))
		}
		want := map[string]bool{
			"101:201 [5 7]": true, "102:202 []": true, "0:201 [5 7]": true, "0:202 []": true,
			"111:0 [9]": true, "112:0 [9]": true, "0:213 [0 9]": true, "113:213 [0 9]": true,
		}
		got := map[string]bool{}
		for _, p := range r.session.Status().Identities {
			got[fmt.Sprint(p.UID, ":", p.GID, " ", p.Groups)] = true
			if p.Command != strings.TrimPrefix(app, "/bin/") || p.PID == 0 {
				t.Errorf("wrong process: %+v", p)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: identities (-want +got):\n%s", app, diff)
		}
	}
	r := l.start(t, []string{"-u", "1234:4321"}, "app", "touch", "/tmp/x")
	r.end(t)
	want := []observe.Process{{PID: 1, UID: 1234, GID: 4321, Command: "app"}}
	if diff := cmp.Diff(want, r.session.Status().Identities); diff != "" {
		t.Errorf("identities of a writer (-want +got):\n%s", diff)
	}
}

func TestAttributes(t *testing.T) {
	l := needEngine(t)
	r := l.start(t, nil, "app", "attributes")
	if code := r.end(t); code != 0 {
		t.Fatal(r.logs(t))
	}
	var got []string
	for _, line := range lines(r.session.Writes()) {
		if !strings.HasPrefix(line, "open ") || strings.Contains(line, "below") {
			got = append(got, line)
		}
	}
	want := []string{
		"open /tmp/below allowed", "setxattr /tmp/capable allowed", "setxattr /tmp/descriptor allowed", "chmod /tmp/held allowed",
		"setxattr /tmp/held allowed", "setxattr /tmp/link allowed", "setxattr /tmp/path allowed", "setxattr /tmp/removed allowed",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}

func TestDiesAtOnce(t *testing.T) {
	l := needEngine(t)
	r := l.start(t, nil, "app", "die")
	if code := r.end(t); code != 3 {
		t.Errorf("exit code %d", code)
	}
	if got := lines(r.session.Writes()); !slices.Equal(got, []string{"open /tmp/last-words allowed"}) {
		t.Errorf("writes: %q", got)
	}
}

func TestNothingElseChanges(t *testing.T) {
	l := needEngine(t)
	for _, c := range []struct {
		name  string
		flags []string
	}{
		{"root", []string{"--ulimit", "nofile=1000:4000", "-e", "EMPTY=", "-e", "A=b c", "-w", "/var"}},
		{"sealed", []string{"-u", "54321:5", "--group-add", "7", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			flags := append([]string{"--hostname", "same"}, c.flags...)
			plain, err := docker(nil, append(append([]string{"run", "--rm", "--entrypoint", "/bin/app"}, flags...), l.image, "self", "an argument", "")...)
			if err != nil {
				t.Fatal(err)
			}
			r := l.start(t, flags, "/bin/app", "self", "an argument", "")
			r.end(t)
			if diff := cmp.Diff(plain, r.logs(t)); diff != "" {
				t.Errorf("untraced and traced (-, +):\n%s", diff)
			}
		})
	}
}

func TestSignalsAndPhases(t *testing.T) {
	l := needEngine(t)
	r := l.start(t, nil, "app", "term")
	r.started(t)
	for !strings.Contains(r.logs(t), "ready") {
		time.Sleep(50 * time.Millisecond)
	}
	if err := r.session.Phase(context.Background(), observe.Stop); err != nil {
		t.Fatal(err)
	}
	l.must(t, "stop", r.id)
	if code := r.end(t); code != 42 {
		t.Errorf("exit code %d", code)
	}
	phases := map[string]observe.Phase{}
	for _, w := range r.session.Writes() {
		phases[w.Path] = w.Phase
	}
	want := map[string]observe.Phase{"/tmp/ready": observe.Start, "/tmp/stopping": observe.Stop}
	if diff := cmp.Diff(want, phases); diff != "" {
		t.Error(diff)
	}
}

func TestForksAndNames(t *testing.T) {
	l := needEngine(t)
	for _, c := range []struct {
		name    string
		argv    []string
		command string
		want    int
	}{
		{"forks", []string{"app", "forks", "400"}, "app", 400},
		{"names", []string{"app", "loop", "20000", "new"}, "app", 20000},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := l.start(t, nil, c.argv...)
			if code := r.end(t); code != 0 {
				t.Fatal(r.logs(t))
			}
			total := 0
			for _, w := range r.session.Writes() {
				if w.Call == "open" {
					total += w.Count
				}
			}
			if total != c.want {
				t.Errorf("%d opens were counted, want %d", total, c.want)
			}
			if n := len(r.session.Writes()); n > 80 {
				t.Errorf("%d different writes: names were not folded", n)
			}
		})
	}
}

func TestUserThatDropsPrivileges(t *testing.T) {
	l := needEngine(t)
	r := l.start(t, nil, "app", "drop")
	if code := r.end(t); code != 0 {
		t.Fatal(r.logs(t))
	}
	uids := map[string][2]int64{}
	for _, w := range r.session.Writes() {
		uids[w.Path] = [2]int64{w.UID, w.GID}
	}
	want := map[string][2]int64{"/tmp/as-root": {0, 0}, "/tmp/as-user": {1234, 4321}}
	if diff := cmp.Diff(want, uids); diff != "" {
		t.Error(diff)
	}
}

// A folder that is closed to root without capabilities: the path is still reported.
func TestPrivateFolder(t *testing.T) {
	l := needEngine(t)
	for _, c := range []struct {
		flags []string
		want  string
	}{
		{[]string{"-u", "1234:1234"}, "open /private/file allowed"},
		{[]string{"-u", "1234:1234", "--read-only"}, "open /private/file denied EROFS"},
		{[]string{"-u", "1235:1235"}, "open /private/file denied EACCES"},
	} {
		r := l.start(t, c.flags, "app", "touch", "/private/file")
		r.end(t)
		if got := lines(r.session.Writes()); !slices.Equal(got, []string{c.want}) {
			t.Errorf("%v: %q, want %q", c.flags, got, c.want)
		}
	}
}

func TestExecIsTracedThroughTheSensor(t *testing.T) {
	l := needEngine(t)
	r := l.start(t, nil, "app", "wait")
	r.started(t)
	command := trace.SensorArgs([]string{"app", "touch", "/tmp/executed"}, trace.SensorOptions{Socket: r.opts.Socket})
	for range 20 { // the descriptors of those that have ended are closed
		l.exec(t, r, command)
	}
	got := r.session.Writes()
	if !slices.Equal(lines(got), []string{"open /tmp/executed allowed"}) || !got[0].Exec {
		t.Errorf("writes: %+v", got)
	}
	var open int
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		open = strings.Count(l.must(t, append([]string{"exec", r.observer, "/bin/app", "descriptors"}, trace.ObserverArgs(r.opts)...)...), "seccomp notify")
		if open == 1 || time.Now().After(deadline) {
			break
		}
	}
	if open != 1 {
		t.Errorf("the observer holds %d descriptors of filters, want the entrypoint's", open)
	}
}

func TestRestart(t *testing.T) {
	l := needEngine(t)
	r := l.start(t, nil, "app", "die")
	r.end(t)
	l.must(t, "start", r.id)
	again := &traced{id: r.id, session: l.observe(t, r.id, r.opts)}
	if code := again.end(t); code != 3 {
		t.Errorf("exit code %d", code)
	}
	if got := lines(again.session.Writes()); len(got) != 1 {
		t.Errorf("writes: %q", got)
	}
}

func TestEntrypointThatCannotStart(t *testing.T) {
	l := needEngine(t)
	for _, c := range []struct {
		argv []string
		code int
		says string
	}{
		{[]string{"no-such-program"}, 127, "no-such-program"},
		{[]string{"/no/such/program"}, 127, "/no/such/program"},
		{[]string{"/bin/plain"}, 126, "permission denied"},
	} {
		r := l.start(t, nil, c.argv...)
		if code := r.end(t); code != c.code {
			t.Errorf("%v: exit code %d, want %d", c.argv, code, c.code)
		}
		out, err := docker(nil, "logs", r.id)
		_ = out
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestEntrypointWithPrivileges(t *testing.T) {
	l := needEngine(t)
	r := l.start(t, []string{"-u", "54321"}, "setuid", "x")
	r.end(t)
	s := r.session.Status()
	if s.On || !strings.Contains(s.Note, "/bin/setuid") {
		t.Errorf("status: %+v", s)
	}
}

func TestUntraced(t *testing.T) {
	l := needEngine(t)
	r := l.startObserved(t, l.image, nil, []string{"/bin/app", "serve"}, trace.ObserverOptions{Off: true})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		ports, err := r.session.Listening(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Equal(ports, []int{8081}) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	usage, err := r.session.Usage(ctx, []string{"/tmp", "/var"})
	if err != nil {
		t.Fatal(err)
	}
	if len(usage) != 2 || usage[0].Files != 1 || usage[0].Bytes < 10000 || usage[1] != (observe.Usage{Path: "/var"}) {
		t.Errorf("usage: %+v", usage)
	}
	killed := make(chan struct{})
	go func() { defer close(killed); _, _ = docker(nil, "kill", r.id) }()
	for err == nil { // whenever it is asked, the end of its target is nothing else
		_, err = r.session.Listening(ctx)
	}
	if !errors.Is(err, trace.ErrEnded) {
		t.Errorf("asked while its target ends: %v", err)
	}
	<-killed
	r.end(t)
	if s := r.session.Status(); s.On {
		t.Errorf("status: %+v", s)
	}
}

// Without an observer the application still starts, later.
func TestNoObserver(t *testing.T) {
	l := needEngine(t)
	command := trace.SensorArgs([]string{"app", "die"}, trace.SensorOptions{Socket: "nobody", Wait: 300 * time.Millisecond})
	args := []string{"run", "--rm", "-v", l.volume + ":" + trace.Mountpoint + ":ro", "--entrypoint", command[0], l.image}
	_, err := docker(nil, append(args, command[1:]...)...)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("error: %v", err)
	}
}
