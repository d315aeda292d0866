//go:build cluster

package cluster

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/cluster/kubetest"
	"github.com/podseal/podseal/internal/docker/dockertest"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// shellImage describes an image with the programs that an inspection takes, which executes lines of sh.
func shellImage(t *testing.T, lines string) dockertest.Image {
	t.Helper()
	data, err := os.ReadFile("/bin/busybox")
	if err != nil {
		dockertest.Missing(t, "no static busybox at /bin/busybox (Debian package busybox-static)")
	}
	files := []dockertest.File{{Name: "bin/", Mode: 0o755}, {Name: "bin/busybox", Mode: 0o755, Data: data}, {Name: "etc/", Mode: 0o755}, {Name: "etc/conf", Mode: 0o644}, {Name: "etc/old", Mode: 0o644}}
	for _, name := range []string{"sh", "cat", "find", "stat", "rm", "sleep", "mkdir"} {
		files = append(files, dockertest.File{Name: "bin/" + name, Link: "busybox"})
	}
	return testImage(files, func(c *v1.Config) {
		c.Entrypoint = []string{"/bin/sh", "-c", lines}
		c.Env = []string{"PATH=/bin"}
	})
}

// startShell starts a container that executes lines of sh and waits for its line "ready".
func startShell(t *testing.T, lines string, p profile.Profile) engine.Container {
	t.Helper()
	return startShellWith(t, lines, p, Options{})
}

func startShellWith(t *testing.T, lines string, p profile.Profile, opts Options) engine.Container {
	t.Helper()
	i := shellImage(t, lines)
	e := newEngine(t, load(t, i), opts)
	facts, err := e.Image(t.Context(), i.Ref, "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.Start(t.Context(), target.Target{Image: i.Ref, Grace: time.Second}, facts, p)
	if err != nil {
		t.Fatal(err)
	}
	for {
		logs, err := c.Logs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(logs, "ready") {
			return c
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestChanges shows what an inspection finds in the root filesystem, with the programs of the image.
func TestChanges(t *testing.T) {
	t.Parallel()
	c := startShell(t, "echo x >/etc/conf; rm /etc/old; mkdir /new; echo x >/new/file; echo ready; sleep 100", profile.Unrestricted())
	changes, err := c.Changes(t.Context())
	var got []string
	for _, ch := range changes {
		got = append(got, fmt.Sprint(ch.Kind, " ", ch.Path, " ", ch.Dir))
	}
	want := []string{"C /etc false", "C /etc/conf false", "D /etc/old false", "A /new true", "A /new/file false"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

// TestView shows processes and what mounts hold, and a restart over a fresh mount.
func TestView(t *testing.T) {
	t.Parallel()
	p := profile.Profile{User: profile.User{UID: 1000, GID: 2000}}.WithMount(profile.Mount{Path: "/data", Kind: profile.Plain})
	c := startShell(t, "[ -e /data/file ] && echo kept; echo 12345 >/data/file; echo ready; while :; do sleep 1; done", p)
	procs, err := c.Processes(t.Context())
	if err != nil || len(procs) == 0 || !procs[0].Main || procs[0].UID != 1000 || procs[0].GID != 2000 || procs[0].Command != "sh" {
		t.Errorf("processes: %+v, %v", procs, err)
	}
	usage, err := c.Usage(t.Context())
	if err != nil || len(usage) != 1 || usage[0].Files != 1 || usage[0].Bytes != 6 {
		t.Errorf("usage: %+v, %v", usage, err)
	}
	if err := c.Restart(t.Context(), "/data"); err != nil {
		t.Fatalf("restart: %v", err)
	}
	for n := 0; n < 2; time.Sleep(50 * time.Millisecond) {
		logs, err := c.Logs(t.Context())
		if err != nil || strings.Contains(logs, "kept") {
			t.Fatalf("logs: %q, %v", logs, err)
		}
		n = strings.Count(logs, "ready")
	}
}

// TestKill: an observer kills the application as a crash would, and the next start is traced as well.
func TestKill(t *testing.T) {
	t.Parallel()
	lines := "trap 'echo terminated; exit' TERM; echo x >/tmp-$$-a; echo ready; while :; do sleep 0.1; done"
	c := startShellWith(t, lines, profile.Unrestricted(), withProgram())
	c.Phase(observe.E2E)
	if err := c.Restart(t.Context()); err != nil {
		t.Fatalf("restart: %v", err)
	}
	logs := ""
	for n := 0; n < 2; time.Sleep(50 * time.Millisecond) {
		var err error
		if logs, err = c.Logs(t.Context()); err != nil {
			t.Fatal(err)
		}
		n = strings.Count(logs, "ready")
	}
	writes, trace := c.Writes()
	if strings.Contains(logs, "terminated") || !trace.On || trace.Broken || trace.Lost > 0 {
		t.Errorf("logs %q, trace %+v", logs, trace)
	}
	for _, want := range []observe.Phase{observe.Start, observe.E2E} {
		if !slices.ContainsFunc(writes, func(w observe.Write) bool { return w.Path == "/tmp-1-a" && w.Phase == want && w.PID == 1 }) {
			t.Errorf("no write in phase %s: %+v", want, writes)
		}
	}
}

// TestForbiddenObserver: in a namespace that enforces baseline a run is not traced, and says why; podseal's program still
// inspects the container.
func TestForbiddenObserver(t *testing.T) {
	t.Parallel()
	n, err := kubetest.Connect(t, "").CreateNamespace(t.Context(), kube.NewRunID(), "test", kube.Baseline, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Delete(context.Background()) })
	opts := withProgram()
	opts.Namespace = n.Name
	c := startShellWith(t, "echo x >/new; echo ready; sleep 100", profile.Unrestricted(), opts)
	writes, trace := c.Writes()
	if trace.On || len(writes) > 0 || !strings.Contains(trace.Note, "Pod Security forbids") || !strings.Contains(trace.Note, "level privileged") {
		t.Errorf("%+v, %d writes", trace, len(writes))
	}
	changes, err := c.Changes(t.Context())
	if err != nil || len(changes) != 1 || changes[0].Path != "/new" {
		t.Errorf("changes: %+v, %v", changes, err)
	}
}

// TestTracingOutlivesABadStart: a container that cannot start, so that no observer can join it, does not end the tracing of
// the pods that follow.
func TestTracingOutlivesABadStart(t *testing.T) {
	t.Parallel()
	i := shellImage(t, "echo x >/new; echo ready; sleep 100")
	e := newEngine(t, load(t, i), withProgram())
	facts, err := e.Image(t.Context(), i.Ref, "")
	if err != nil {
		t.Fatal(err)
	}
	bad := target.Target{Image: i.Ref, Grace: time.Second, WorkingDir: "/etc/conf"} // a file
	c, err := e.Start(t.Context(), bad, facts, profile.Unrestricted())
	if err != nil {
		t.Fatal(err)
	}
	if s, err := c.State(t.Context()); err != nil || s.Running {
		t.Errorf("a container whose working directory is a file: %+v, %v", s, err)
	}
	if _, trace := c.Writes(); trace.On {
		t.Errorf("it is traced: %+v", trace)
	}
	good := bad
	good.WorkingDir = ""
	if c, err = e.Start(t.Context(), good, facts, profile.Unrestricted()); err != nil {
		t.Fatal(err)
	}
	if _, trace := c.Writes(); !trace.On {
		t.Errorf("the next container is not traced: %+v", trace)
	}
}
