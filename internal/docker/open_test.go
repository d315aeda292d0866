//go:build engine

package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

func TestOpenRunShowsChanges(t *testing.T) {
	t.Parallel()
	b := newPlainBench(t)
	facts := b.app(func(c *v1.Config) {
		c.Volumes = map[string]struct{}{"/vol/deep": {}}
		c.WorkingDir = "/work/dir"
		c.StopSignal = "SIGTERM"
	}, file{name: "etc/", mode: 0o755}, file{name: "etc/conf", mode: 0o644, data: []byte("x")},
		file{name: "etc/old", mode: 0o644}, file{name: "made/", mode: 0o755})
	c := b.start(facts, profile.Unrestricted(), "id", "write:/etc/conf=new", "remove:/etc/old", "write:/made/f=x",
		"write:/vol/deep/x=1", "write:/work/dir/x=1", "mkdir:/folder", "wait")
	logs := waitLine(t, c, "waiting", 1)
	if strings.Contains(logs, "error") {
		t.Errorf("logs: %s", logs)
	}
	got, err := c.Changes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, ch := range got {
		fmt.Fprintf(&text, "%s %s %v\n", ch.Kind, ch.Path, ch.Dir)
	}
	expect(t, text.String(), `
C /etc false
C /etc/conf false
D /etc/old false
A /folder true
C /made false
A /made/f false
A /work/dir/x false`)
	procs, err := c.Processes(t.Context())
	if err != nil || len(procs) != 1 || procs[0].UID != 0 || procs[0].GID != 0 || procs[0].Command != "app" || !procs[0].Main {
		t.Errorf("Processes = %+v, %v", procs, err)
	}
	state, err := c.State(t.Context())
	if err != nil || !state.Running || state.Health != "" {
		t.Errorf("State = %+v, %v", state, err)
	}
	exit, err := c.Stop(t.Context())
	if err != nil || exit.Code != 0 {
		t.Errorf("Stop = %+v, %v", exit, err)
	}
	if again, err := c.Changes(t.Context()); err != nil || len(again) != len(got) {
		t.Errorf("after the stop: %v, %v", again, err)
	}
}

func TestTracedWrites(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	facts := b.app(nil, file{name: "tmp/", mode: 0o1777})
	c := b.start(facts, profile.Unrestricted(), "write:/tmp/gone=x", "remove:/tmp/gone", "wait")
	waitLine(t, c, "waiting", 1)
	if changes, err := c.Changes(t.Context()); err != nil || len(changes) != 0 {
		t.Errorf("the diff shows %v, %v", changes, err)
	}
	wantWrite(t, c, "/tmp/gone", observe.Allowed, observe.Start)

	c = b.start(facts, sealed(), "write:/tmp/gone=x", "listen:80", "wait")
	waitLine(t, c, "waiting", 1)
	wantWrite(t, c, "/tmp/gone", observe.Denied, observe.Start)
	for deadline := time.Now().Add(5 * time.Second); len(c.DeniedPorts()) != 1; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("denied ports: %v, want one", c.DeniedPorts())
		}
	}
	c.Phase(observe.Restart)
	if err := c.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitLine(t, c, "waiting", 2)
	wantWrite(t, c, "/tmp/gone", observe.Denied, observe.Start)
	wantWrite(t, c, "/tmp/gone", observe.Denied, observe.Restart)
}

// A command that is executed in a traced container is the same as in an untraced one, and its writes are marked.
func TestTracedExec(t *testing.T) {
	t.Parallel()
	b, plain := newBench(t), newPlainBench(t)
	facts := b.app(func(c *v1.Config) { c.Env, c.WorkingDir = []string{"A=b c"}, "/tmp" }, file{name: "tmp/", mode: 0o1777})
	mount := sealed(profile.Mount{Path: "/tmp", Kind: profile.Plain})
	for _, p := range []profile.Profile{profile.Unrestricted(), mount} {
		traced, untraced := b.start(facts, p, "write:/tmp/app=x", "wait"), plain.start(facts, p, "wait")
		waitLine(t, traced, "waiting", 1)
		command := []string{"/app", "id", "env:A", "env:HOME", "write:relative=x", "write:/denied=x", "exit:41"}
		code, out, err := traced.Exec(t.Context(), command)
		wantCode, want, wantErr := untraced.Exec(t.Context(), command)
		if err != nil || wantErr != nil || code != 41 || code != wantCode {
			t.Errorf("Exec = %d, %v; untraced %d, %v", code, err, wantCode, wantErr)
		}
		expect(t, withoutFilter(out), withoutFilter(want))
		if code, out, err := traced.Exec(t.Context(), []string{"/nothing"}); err != nil || code != 127 || !strings.Contains(out, "/nothing") {
			t.Errorf("Exec of nothing = %d, %q, %v", code, out, err)
		}
		wantWrite(t, traced, "/tmp/relative", observe.Allowed, observe.Start)
		writes, tr := traced.Writes()
		for _, w := range writes {
			if w.Exec != (w.Path != "/tmp/app") {
				t.Errorf("wrong mark: %+v", w)
			}
		}
		if len(tr.Unseen) != 0 {
			t.Errorf("unseen: %q", tr.Unseen)
		}
	}
}

// withoutFilter drops what differs: an open run sets no_new_privs when it is traced.
func withoutFilter(out string) string {
	return strings.ReplaceAll(out, "nnp=0", "nnp=1")
}

// What others execute in a container is not traced, and named once.
func TestUnseenExec(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.start(b.app(nil), profile.Unrestricted(), "wait")
	waitLine(t, c, "waiting", 1)
	for range 2 {
		made, err := b.cli.ContainerExecCreate(t.Context(), c.ID(), container.ExecOptions{Cmd: []string{"/app", "id"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.cli.ContainerExecStart(t.Context(), made.ID, container.ExecStartOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if code, out, err := c.Exec(t.Context(), []string{"/app", "id"}); err != nil || code != 0 {
		t.Errorf("Exec = %d, %q, %v", code, out, err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		_, tr := c.Writes()
		if len(tr.Unseen) == 1 && tr.Unseen[0] == "/app id" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("unseen: %q", tr.Unseen)
		}
	}
}

func wantWrite(t *testing.T, c engine.Container, at string, outcome observe.Outcome, phase observe.Phase) {
	t.Helper()
	var writes []observe.Write
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var tr observe.Trace
		if writes, tr = c.Writes(); !tr.On || tr.Lost != 0 {
			t.Fatalf("Trace = %+v", tr)
		}
		for _, w := range writes {
			if w.Path == at && w.Outcome == outcome && w.Phase == phase {
				return
			}
		}
	}
	t.Errorf("no %s write of %s in phase %s: %+v", outcome, at, phase, writes)
}

func TestWithoutHelperRunsUnobserved(t *testing.T) {
	t.Parallel()
	b := newPlainBench(t)
	c := b.start(b.app(nil), sealed(profile.Mount{Path: "/data", Kind: profile.Plain}), "write:/data/f=12", "wait")
	waitLine(t, c, "waiting", 1)
	if _, err := c.Listening(t.Context()); !errors.Is(err, engine.ErrCannotLook) || !strings.Contains(err.Error(), "no binary") {
		t.Errorf("Listening = %v", err)
	}
	if w, tr := c.Writes(); len(w) != 0 || tr.On || !strings.Contains(tr.Note, "no binary") {
		t.Errorf("Writes = %v, %+v", w, tr)
	}
	if use, err := c.Usage(t.Context()); err != nil || len(use) != 1 || use[0] != (observe.Usage{Path: "/data", Bytes: 2, Files: 1}) {
		t.Errorf("Usage = %v, %v", use, err)
	}
}

func TestNoTraceStillLooksInside(t *testing.T) {
	t.Parallel()
	b := newBenchWith(t, Options{NoTrace: true})
	c := b.start(b.app(nil), sealed(), "listen:8080", "wait")
	waitLine(t, c, "waiting", 1)
	if ports, err := c.Listening(t.Context()); err != nil || len(ports) != 1 || ports[0] != 8080 {
		t.Errorf("Listening = %v, %v", ports, err)
	}
	if w, tr := c.Writes(); len(w) != 0 || tr.On || tr.Note == "" {
		t.Errorf("Writes = %v, %+v", w, tr)
	}
	if _, err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ports, err := c.Listening(t.Context()); err != nil || len(ports) != 0 {
		t.Errorf("Listening after the end = %v, %v", ports, err)
	}
}

func TestExecFailuresAreExits(t *testing.T) {
	for _, trace := range []bool{true, false} {
		t.Run(fmt.Sprintf("traced=%v", trace), func(t *testing.T) {
			t.Parallel()
			b := newPlainBench(t)
			if trace {
				b = newBench(t)
			}
			// VFS_CAP_REVISION_2 with the effective flag and CAP_NET_BIND_SERVICE permitted.
			caps := "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			facts := b.app(nil, file{name: "plain", mode: 0o644, data: []byte("x")}, file{name: "text", mode: 0o755, data: []byte("x")},
				file{name: "capable", mode: 0o755, data: appBinary, caps: caps})
			for _, tt := range []struct {
				program string
				code    int
			}{{"/not-there", 127}, {"not-in-path", 127}, {"/plain", 126}, {"/text", 126}, {"/capable", 126}} {
				wantExecFailure(t, b, facts, tt.program, tt.code)
			}
		})
	}
}

// wantExecFailure makes sure that a program which cannot be executed is an exit with a message, and all else works on.
func wantExecFailure(t *testing.T, b bench, facts image.Facts, program string, code int) {
	t.Helper()
	c, err := b.Start(t.Context(), target.Target{Entrypoint: []string{program}, Args: []string{"wait"}}, facts, sealed())
	if err != nil {
		t.Errorf("%s: %v", program, err)
		return
	}
	if err := c.Wait(t.Context()); err != nil {
		t.Errorf("%s: Wait: %v", program, err)
	}
	s, err := c.State(t.Context())
	if err != nil || s.Running || s.Exit.Code != code || s.Exit.Error == "" {
		t.Errorf("%s: State = %+v, %v; want exit %d with a message", program, s, err, code)
	}
	if exit, err := c.Stop(t.Context()); err != nil || exit.Code != code {
		t.Errorf("%s: Stop = %+v, %v", program, exit, err)
	}
	if ch, err := c.Changes(t.Context()); err != nil || len(ch) != 0 {
		t.Errorf("%s: Changes = %v, %v", program, ch, err)
	}
	if err := c.Remove(t.Context()); err != nil {
		t.Errorf("%s: Remove: %v", program, err)
	}
}

func TestExitsAndExec(t *testing.T) {
	t.Parallel()
	b := newPlainBench(t)
	facts := b.app(nil)
	c := b.start(facts, sealed(), "exit:7")
	if err := c.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := c.State(t.Context()); err != nil || s.Exit.Code != 7 {
		t.Errorf("State = %+v, %v", s, err)
	}
	c = b.start(facts, sealed(), "wait")
	waitLine(t, c, "waiting", 1)
	if code, out, err := c.Exec(t.Context(), []string{"/app", "id", "exit:3"}); err != nil || code != 3 || !strings.HasPrefix(out, "id: 1000:2000") {
		t.Errorf("Exec = %d, %q, %v", code, out, err)
	}
	if code, out, err := c.Exec(t.Context(), []string{"/nothing"}); err != nil || code == 0 {
		t.Errorf("Exec of nothing = %d, %q, %v", code, out, err)
	}
	brief, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := c.Exec(brief, []string{"/app", "wait"}); !errors.Is(err, context.Canceled) {
		t.Errorf("Exec with an ended context: %v", err)
	}
}

func TestTree(t *testing.T) {
	t.Parallel()
	b := newPlainBench(t)
	facts := b.app(func(c *v1.Config) { c.WorkingDir = "/made/by/engine" },
		file{name: "etc/", mode: 0o755}, file{name: "etc/passwd", mode: 0o640, uid: 3, gid: 4, data: []byte("root")},
		file{name: "etc/sub/", mode: 0o2770, uid: 5, gid: 6}, file{name: "etc/sub/f", mode: 0o4755, data: []byte("12345")},
		file{name: "var/", mode: 0o755}, file{name: "var/conf", link: "../etc"}, file{name: "etc/pw", link: "/var/conf/passwd"},
		file{name: "loop", link: "loop"})
	tree, err := b.Tree(t.Context(), facts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tree.Close(t.Context()) }()
	probe := func(at string, e image.Entry, ok bool) {
		t.Helper()
		p, found, err := image.Probe(t.Context(), tree, at)
		if err != nil || found != ok || p.Path != e.Path || p.Kind != e.Kind || p.Mode.Perm() != e.Mode.Perm() || (p.Link == "") != (e.Link == "") {
			t.Errorf("Probe %s = %+v, %t, %v", at, p, found, err)
		}
	}
	lookup := func(at, want string) {
		t.Helper()
		e, ok, err := tree.Lookup(t.Context(), at)
		if err != nil {
			t.Errorf("Lookup %s: %v", at, err)
		}
		probe(at, e, ok)
		got := "nothing"
		if ok {
			got = fmt.Sprintf("%s %s %v %d:%d %d %s", e.Path, e.Kind, e.Mode, e.UID, e.GID, e.Size, e.Link)
		}
		expect(t, got, want)
	}
	if e, ok, err := image.Probe(t.Context(), tree, "/var/conf/sub/f"); err != nil || !ok || e.Mode != fs.ModeSetuid|0o755 || e.Size != 5 {
		t.Errorf("Probe = %+v, %t, %v", e, ok, err)
	}
	for range 2 { // the second time from the cache
		lookup("/etc/passwd", "/etc/passwd file -rw-r----- 3:4 4")
		lookup("/var/conf/sub", "/etc/sub dir grwxrwx--- 5:6 0")
		lookup("/var/conf/sub/f", "/etc/sub/f file urwxr-xr-x 0:0 5")
		lookup("/var/conf", "/var/conf symlink -rwxrwxrwx 0:0 0 ../etc")
		lookup("/not/there", "nothing")
		lookup("/etc/passwd/below/file", "nothing")
		lookup("/made/by/engine", "nothing")
	}
	if _, _, err := tree.Lookup(t.Context(), "/loop/x"); !errors.Is(err, image.ErrLoop) {
		t.Errorf("a loop: %v", err)
	}
	list := func(at string, limit int) string {
		entries, more, err := tree.List(t.Context(), at, limit)
		if err != nil {
			t.Errorf("List %s: %v", at, err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Path)
		}
		return fmt.Sprint(names, more)
	}
	expect(t, list("/var/conf/sub", 10), "[/etc/sub/f] false")
	expect(t, list("/etc", 2), "[/etc/hostname /etc/hosts] true")
	expect(t, list("/var/conf", 10), "[] false")
	expect(t, list("/not/there", 10), "[] false")
	if all := list("/", 1000); !strings.Contains(all, " /app ") || !strings.Contains(all, " /etc/sub/f ") {
		t.Errorf("List / = %s", all)
	}
	for range 2 {
		if data, err := tree.ReadFile(t.Context(), "/etc/pw"); err != nil || string(data) != "root" {
			t.Errorf("ReadFile = %q, %v", data, err)
		}
	}
	if _, err := tree.ReadFile(t.Context(), "/etc/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadFile of nothing: %v", err)
	}
	if err := tree.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestImageFacts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	facts := b.app(func(c *v1.Config) {
		c.User, c.Env, c.Cmd, c.WorkingDir = "app", []string{"A=b"}, []string{"wait"}, "/w"
		c.StopSignal, c.Labels = "SIGQUIT", map[string]string{"l": "1"}
		c.Healthcheck = &v1.HealthConfig{Test: []string{"CMD", "/app", "id"}, Retries: 3}
		c.ExposedPorts, c.Volumes = map[string]struct{}{"80/tcp": {}}, map[string]struct{}{"/v": {}}
	})
	c := facts.Config.Config
	if c.User != "app" || c.WorkingDir != "/w" || c.StopSignal != "SIGQUIT" || c.Labels["l"] != "1" || c.Healthcheck.Retries != 3 ||
		len(c.ExposedPorts) != 1 || len(c.Volumes) != 1 || c.Entrypoint[0] != "/app" || c.Cmd[0] != "wait" || c.Env[0] != "A=b" {
		t.Errorf("Config = %+v", c)
	}
	if !strings.HasPrefix(facts.ID, "sha256:") || !strings.HasPrefix(facts.Platform, "linux/") || len(facts.Config.RootFS.DiffIDs) != 1 {
		t.Errorf("facts = %+v", facts)
	}
	if byID, err := b.Image(t.Context(), facts.ID, ""); err != nil || byID.ID != facts.ID {
		t.Errorf("by id: %+v, %v", byID, err)
	}
}

func TestImageErrors(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ref := b.app(nil).Ref
	for _, tt := range []struct{ ref, platform, says string }{
		{"UPPER case", "", "not an image reference"},
		{"sha256:" + strings.Repeat("0", 64), "", "no image with this id"},
		{"127.0.0.1:1/nothing/here:1", "", "cannot reach its registry"},
		{ref, "windows/amd64", "only Linux images"},
		{ref, "nonsense", "not of the form"},
	} {
		_, err := b.Image(t.Context(), tt.ref, tt.platform)
		var refused *ImageError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("Image(%s, %s) = %v", tt.ref, tt.platform, err)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	b := newPlainBench(t)
	facts := b.app(func(c *v1.Config) {
		c.Healthcheck = &v1.HealthConfig{Test: []string{"CMD", "/app", "id"}, Interval: 100e6}
	})
	c := b.start(facts, profile.Unrestricted(), "wait")
	for {
		s, err := c.State(t.Context())
		if err != nil || s.Health == "unhealthy" || !s.Running {
			t.Fatalf("State = %+v, %v", s, err)
		}
		if s.Health == "healthy" {
			return
		}
		if s.Health != "starting" {
			t.Fatalf("Health = %q", s.Health)
		}
		if !pause(t.Context(), execPoll) {
			t.Fatal("it never became healthy")
		}
	}
}

// An engine that lets nobody see the processes of its host is still an engine: the container runs, untraced.
func TestRunsWhereNothingCanLook(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if _, err := b.sensorVolume(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-b.lookout.up
	b.lookout.notUp = errors.New("the host's PID namespace is not for you")
	c := b.start(b.app(nil), profile.Unrestricted(), "wait")
	if st, err := c.State(t.Context()); err != nil || !st.Running {
		t.Errorf("%+v, %v", st, err)
	}
	if _, status := c.Writes(); status.On || !strings.Contains(status.Note, "not for you") {
		t.Errorf("%+v", status)
	}
	if found, err := c.Processes(t.Context()); err != nil || len(found) == 0 {
		t.Errorf("%v, %v", found, err)
	}
	if _, err := c.Listening(t.Context()); !errors.Is(err, engine.ErrCannotLook) {
		t.Errorf("listening: %v", err)
	}
}

// The loss of the observers in the middle of a run is reported, and the container is not taken for one that has ended.
func TestLostObservers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.start(b.app(nil), profile.Unrestricted(), "wait")
	if _, status := c.Writes(); !status.On || status.Broken {
		t.Fatalf("%+v", status)
	}
	if err := b.cli.ContainerKill(t.Context(), b.lookout.id, "SIGKILL"); err != nil {
		t.Fatal(err)
	}
	for {
		if _, status := c.Writes(); status.Broken {
			if status.Lost == 0 || status.Note == "" {
				t.Errorf("%+v", status)
			}
			break
		}
		if !pause(t.Context(), execPoll) {
			t.Fatal("the loss is not reported")
		}
	}
	if _, err := c.Listening(t.Context()); !errors.Is(err, engine.ErrCannotLook) {
		t.Errorf("listening: %v", err)
	}
	if found, err := c.Processes(t.Context()); err != nil || len(found) == 0 {
		t.Errorf("processes: %v, %v", found, err)
	}
}

// The questions about a container that has ended, which the engine may report later, are no errors.
func TestEndedContainerIsNoError(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.start(b.app(nil), profile.Unrestricted(), "wait")
	go func() { _ = b.cli.ContainerKill(context.WithoutCancel(t.Context()), c.ID(), "SIGKILL") }()
	for {
		if ports, err := c.Listening(t.Context()); err != nil || len(ports) > 0 {
			t.Fatalf("listening: %v, %v", ports, err)
		}
		if _, err := c.Processes(t.Context()); err != nil {
			t.Fatalf("processes: %v", err)
		}
		if state, err := c.State(t.Context()); err != nil {
			t.Fatal(err)
		} else if !state.Running {
			break
		}
	}
	if _, status := c.Writes(); !status.On || status.Broken {
		t.Errorf("%+v", status)
	}
}

// A container that an e2e command restarts is observed again, and does not wait in vain.
func TestRestartByOthers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.start(b.app(nil), profile.Unrestricted(), "write:/made=x", "wait")
	seconds := 1
	if err := b.cli.ContainerRestart(t.Context(), c.ID(), container.StopOptions{Timeout: &seconds}); err != nil {
		t.Fatal(err)
	}
	lives := func() int {
		logs, err := c.Logs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(logs, "write:/made=x: ok")
	}
	for deadline := time.Now().Add(sensorWait - 2*time.Second); lives() < 2; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the application has not started again")
		}
	}
	writes, status := c.Writes()
	if !status.On {
		t.Errorf("%+v", status)
	}
	phases := map[observe.Phase]int{}
	for _, w := range writes {
		if w.Path == "/made" {
			phases[w.Phase] += w.Count
		}
	}
	if phases[observe.Start] != 1 || phases[observe.Restart] != 1 {
		t.Errorf("phases of the writes: %v", phases)
	}
}
