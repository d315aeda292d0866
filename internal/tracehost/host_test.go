//go:build engine

package tracehost

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/docker/dockertest"
	"github.com/podseal/podseal/internal/engine"
)

// clientVariable makes the test binary a client with an observer container, which runs until it is killed.
const clientVariable = "PODSEAL_TEST_CLIENT"

var program []byte

func TestMain(m *testing.M) {
	if os.Getenv(clientVariable) != "" {
		beClient()
	}
	var err error
	if program, err = dockertest.Compile(dockertest.Inside); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// beClient places an observer container, prints the id of its run, and waits to be killed.
func beClient() {
	ctx := context.Background()
	program, err := os.ReadFile(os.Getenv(clientVariable))
	if err != nil {
		panic(err)
	}
	client, err := docker.New(ctx, docker.Options{})
	if err != nil {
		panic(err)
	}
	h := New(client, NewHelper(client, func(string) ([]byte, error) { return program, nil }))
	h.Warm(ctx)
	<-h.up
	fmt.Println(client.RunID(), h.placed.notUp)
	select {}
}

func newHost(t *testing.T) (*docker.Client, *Host) {
	t.Helper()
	client, err := docker.New(t.Context(), docker.Options{})
	if err != nil {
		dockertest.Missing(t, "no Docker engine to test with: "+err.Error())
	}
	h := New(client, NewHelper(client, func(string) ([]byte, error) { return program, nil }))
	t.Cleanup(func() {
		h.Close()
		if err := client.Sweep(context.Background()); err != nil {
			t.Errorf("sweeping: %v", err)
		}
		_ = client.Close()
	})
	return client, h
}

// place places the observer container of a host and returns its name.
func place(t *testing.T, h *Host) string {
	t.Helper()
	h.Warm(t.Context())
	<-h.up
	if h.placed.notUp != nil {
		t.Fatal(h.placed.notUp)
	}
	return h.placed.box.Name
}

// TestLeaseEndsWithItsClient: the observer container of a client that was killed ends by itself, and GC, which keeps the
// objects of a live run, then removes what the client has left.
func TestLeaseEndsWithItsClient(t *testing.T) {
	mine, h := newHost(t)
	live := place(t, h)
	file := t.TempDir() + "/program"
	if err := os.WriteFile(file, program, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), clientVariable+"="+file)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	run, failed, _ := strings.Cut(strings.TrimSpace(line), " ")
	if err != nil || failed != "<nil>" {
		t.Fatalf("the client says %q, %v", line, err)
	}
	theirs := "podseal-" + run + "-2-observer"
	done, err := mine.GC(t.Context(), false)
	if err != nil || !keeps(done, "container "+theirs, "alive") || !keeps(done, "container "+live, "alive") {
		t.Errorf("GC beside live runs: %+v, %v", done, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if err := mine.Container(theirs).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	done, err = mine.GC(t.Context(), false)
	if err != nil || !slices.Contains(done.Removed, "container "+theirs) || !keeps(done, "container "+live, "alive") {
		t.Errorf("GC after the end of a client: %+v, %v", done, err)
	}
}

func keeps(c docker.Collected, object, reason string) bool {
	return slices.ContainsFunc(c.Kept, func(k docker.Kept) bool { return k.Object == object && strings.Contains(k.Reason, reason) })
}

// TestHelperIsLoadedAgain: a run whose helper image is gone makes it again.
func TestHelperIsLoadedAgain(t *testing.T) {
	client, err := docker.New(t.Context(), docker.Options{})
	if err != nil {
		dockertest.Missing(t, "no Docker engine to test with: "+err.Error())
	}
	own := append(slices.Clone(program), []byte(client.RunID())...) // another image than that of other tests
	h := NewHelper(client, func(string) ([]byte, error) { return own, nil })
	facts, err := h.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if removed, err := client.RemoveImage(t.Context(), facts.Ref); err != nil || !removed {
		t.Fatalf("removing the helper image: %t, %v", removed, err)
	}
	box, err := h.Create(t.Context(), "test", docker.Spec{Entrypoint: []string{HelperProgram}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(box.Remove(t.Context())); err != nil {
		t.Error(err)
	}
	if _, err := client.RemoveImage(t.Context(), facts.Ref); err != nil {
		t.Error(err)
	}
}

// TestBind: a context ends with the observer container, but not where its end is expected.
func TestBind(t *testing.T) {
	client, h := newHost(t)
	name := place(t, h)
	bound, done := h.Bind(t.Context())
	defer done()
	if err := client.Container(name).Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-bound.Done()
	fault := new(engine.Fault)
	if !errors.As(context.Cause(bound), &fault) || fault.Kind != engine.ObserverLost {
		t.Errorf("the context ended with %v", context.Cause(bound))
	}
	later, done := h.Bind(t.Context())
	defer done()
	if later.Err() == nil {
		t.Error("a context that is bound later has not ended")
	}

	client, h = newHost(t)
	name = place(t, h)
	bound, done = h.Bind(t.Context())
	defer done()
	h.Close()
	if err := client.Container(name).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if bound.Err() != nil {
		t.Errorf("after Close: %v", context.Cause(bound))
	}
}
