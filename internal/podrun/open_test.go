//go:build engine

package podrun

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trace"
)

func TestOpenRunShowsChanges(t *testing.T) {
	t.Parallel()
	b := newPlainBench(t)
	facts := b.app(func(c *v1.Config) {
		c.Volumes = map[string]struct{}{"/vol/deep": {}}
		c.WorkingDir = "/work/dir"
		c.StopSignal = "SIGTERM"
	}, file{Name: "etc/", Mode: 0o755}, file{Name: "etc/conf", Mode: 0o644, Data: []byte("x")},
		file{Name: "etc/old", Mode: 0o644}, file{Name: "made/", Mode: 0o755})
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
	facts := b.app(nil, file{Name: "tmp/", Mode: 0o1777})
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
	facts := b.app(func(c *v1.Config) { c.Env, c.WorkingDir = []string{"A=b c"}, "/tmp" }, file{Name: "tmp/", Mode: 0o1777})
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

// A command that others execute in a container is not traced, and named once.
func TestUnseenExec(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.start(b.app(nil), profile.Unrestricted(), "wait")
	waitLine(t, c, "waiting", 1)
	for range 2 {
		if _, _, err := b.client.Container(c.ID()).Exec(t.Context(), []string{"/app", "id"}, docker.ExecNotices{}); err != nil {
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
	if _, err := c.Listening(t.Context()); !errors.Is(err, engine.ErrCannotInspect) || !strings.Contains(err.Error(), "no binary") {
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
			facts := b.app(nil, file{Name: "plain", Mode: 0o644, Data: []byte("x")}, file{Name: "text", Mode: 0o755, Data: []byte("x")},
				file{Name: "capable", Mode: 0o755, Data: appBinary, Caps: caps})
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
	c = b.start(facts, sealed(), "read:/etc/hostname", "wait")
	logs := waitLine(t, c, "waiting", 1)
	if s, err := c.State(t.Context()); err != nil || s.Hostname == "" || !strings.Contains(logs, "read:/etc/hostname: "+s.Hostname) {
		t.Errorf("State = %+v, %v, after %s", s, err, logs)
	}
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
		if !pause(t.Context(), 20*time.Millisecond) {
			t.Fatal("it never became healthy")
		}
	}
}

// blindHost is an observer host on an engine that starts no container in the host's PID namespace.
type blindHost struct{ observerHost }

func (blindHost) Observe(context.Context, trace.ObserverOptions) (*trace.Session, error) {
	return nil, errors.New("the host's PID namespace is not for you")
}

// An engine that lets nobody see the processes of its host is still an engine: the container runs, untraced.
func TestRunsWhereNothingCanLook(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.host = blindHost{b.host}
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
	if _, err := c.Listening(t.Context()); !errors.Is(err, engine.ErrCannotInspect) {
		t.Errorf("listening: %v", err)
	}
}

// TestSensorPlaceTaken runs images that hold a file or a volume where the sensor's volume is mounted: untraced, with the
// reason.
func TestSensorPlaceTaken(t *testing.T) {
	t.Parallel()
	volume := func(c *v1.Config) { c.Volumes = map[string]struct{}{trace.Mountpoint: {}} }
	for _, tt := range []struct {
		name  string
		facts func(b bench) image.Facts
		note  string
	}{
		{"a file", func(b bench) image.Facts {
			return b.app(nil, file{Name: strings.TrimPrefix(trace.Mountpoint, "/"), Mode: 0o644, Data: []byte("x")})
		}, "could not start the container with the tracer's volume"},
		{"a VOLUME", func(b bench) image.Facts { return b.app(volume) }, "has a volume at " + trace.Mountpoint},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			c := b.start(tt.facts(b), profile.Unrestricted(), "wait")
			if st, err := c.State(t.Context()); err != nil || !st.Running {
				t.Errorf("%+v, %v", st, err)
			}
			if _, status := c.Writes(); status.On || !strings.Contains(status.Note, tt.note) {
				t.Errorf("%+v", status)
			}
		})
	}
}

// The end of the observer container is a fault of every request from then on, those that wait already included: writes that
// nobody answered may have failed, and gc takes the run for one that has ended.
func TestLostObservers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.start(b.app(nil), profile.Unrestricted(), "wait")
	if _, status := c.Writes(); !status.On || status.Broken {
		t.Fatalf("%+v", status)
	}
	waited := make(chan error, 1)
	go func() { waited <- c.Wait(t.Context()) }()
	if err := b.client.Container(b.observer()).Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, listening := c.Listening(t.Context())
	_, processes := c.Processes(t.Context())
	for call, err := range map[string]error{"Wait": <-waited, "Listening": listening, "Processes": processes} {
		fault := new(engine.Fault)
		if !errors.As(err, &fault) || fault.Kind != engine.ObserverLost || !strings.Contains(err.Error(), b.observer()) {
			t.Errorf("%s: %v", call, err)
		}
	}
	if _, status := c.Writes(); !status.Broken || status.Lost == 0 || status.Note == "" {
		t.Errorf("%+v", status)
	}
	if _, err := b.Start(t.Context(), target.Target{Args: []string{"wait"}}, b.app(nil), profile.Unrestricted()); !errors.As(err, new(*engine.Fault)) {
		t.Errorf("another start: %v", err)
	}
}

// observer returns the name of the run's observer container.
func (b bench) observer() string {
	b.t.Helper()
	for _, name := range b.objects() {
		if strings.HasSuffix(name, "-observer") {
			return name
		}
	}
	b.t.Fatal("there is no observer container")
	return ""
}

// The questions about a container that has ended, which the engine may report later, are no errors.
func TestEndedContainerIsNoError(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.start(b.app(nil), profile.Unrestricted(), "wait")
	go func() { _ = b.client.Container(c.ID()).Kill(context.WithoutCancel(t.Context())) }()
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

// awaitLives waits until the application of TestRestartByOthers has logged n times that it waits.
func awaitLives(t *testing.T, c engine.Container, n int) {
	t.Helper()
	for deadline := time.Now().Add(4 * sensorWait); ; time.Sleep(50 * time.Millisecond) {
		logs, err := c.Logs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(logs, "waiting\n") == n {
			return
		}
		if time.Now().After(deadline) {
			state, err := c.State(t.Context())
			_, status := c.Writes()
			t.Fatalf("the application has not started %d times: %+v, %v, %+v\n%s", n, state, err, status, logs)
		}
	}
}

// A container that an e2e command restarts is observed again, and does not wait in vain.
func TestRestartByOthers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.start(b.app(nil), profile.Unrestricted(), "write:/made=x", "wait")
	// A SIGTERM that comes before the application handles it ends it before its write.
	awaitLives(t, c, 1)
	others := b.client.Container(c.ID())
	if err := errors.Join(others.Stop(t.Context(), time.Second), others.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	awaitLives(t, c, 2)
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
