//go:build engine

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// live is a podseal process while its e2e command runs.
type live struct {
	t      *testing.T
	cmd    *exec.Cmd
	marker string // the file with the e2e command's process id and the container's id
	run    string // the id of the run
	errors string // the file with its stderr
}

// startRun starts podseal with an e2e command that does not end by itself, and waits until that command runs.
func startRun(t *testing.T) *live {
	t.Helper()
	marker := filepath.Join(t.TempDir(), "pid")
	return startLive(t, marker, "run", nginx, "--", "sh", "-c", "echo $$ $PODSEAL_CONTAINER > "+marker+"; exec sleep 600")
}

// startLive starts podseal with arguments whose e2e command writes its process id and its container into the marker, and
// does not end by itself. It waits until that command runs.
func startLive(t *testing.T, marker string, args ...string) *live {
	t.Helper()
	engineOrSkip(t)
	s := &live{t: t, marker: marker, errors: filepath.Join(t.TempDir(), "stderr")}
	stderr, err := os.Create(s.errors)
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	s.cmd = command(t.Context(), args...)
	s.cmd.Stderr = stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.killCommand)
	s.await("the e2e command runs", time.Minute, func() bool {
		data, err := os.ReadFile(s.marker)
		return err == nil && strings.HasSuffix(string(data), "\n")
	})
	s.run = s.runID()
	if len(s.left()) == 0 {
		t.Fatalf("a running podseal has no object with its label in the engine:\n%s", s.stderr())
	}
	return s
}

// runID returns the id of the run, which is on its container.
func (s *live) runID() string {
	s.t.Helper()
	data, err := os.ReadFile(s.marker)
	if err != nil {
		s.t.Fatal(err)
	}
	_, container, _ := strings.Cut(strings.TrimSpace(string(data)), " ")
	run, err := runOf(s.t.Context(), container)
	if err != nil || run == "" {
		s.t.Fatalf("container %q has no label of a run: %v", container, err)
	}
	return run
}

// mustBeCollected checks that gc removes what the run left, once its lease has ended: that takes a moment.
func (s *live) mustBeCollected() {
	s.t.Helper()
	s.await("gc has removed the objects of the run", 30*time.Second, func() bool {
		podseal(s.t, "gc").mustExit(s.t, exitSealed)
		return len(s.left()) == 0
	})
}

func (s *live) stderr() string {
	data, err := os.ReadFile(s.errors)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func (s *live) await(what string, limit time.Duration, done func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(limit); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("after %s it is not so that %s", limit, what)
		}
	}
}

func (s *live) signal(sig os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// mustEnd waits for podseal's end and returns its exit code, as a shell shows it: a process that ends by SIGINT has 130.
func (s *live) mustEnd(limit time.Duration) int {
	s.t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.cmd.Wait() // the exit code is checked below
	}()
	select {
	case <-ended:
		if status, ok := s.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 128 + int(status.Signal())
		}
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(limit):
		_ = s.cmd.Process.Kill() // it may have ended by now
		<-ended
		s.t.Fatalf("podseal runs on for %s after the signal:\n%s", limit, s.stderr())
		return -1
	}
}

// left lists the objects of podseal in the engine.
func (s *live) left() []string {
	s.t.Helper()
	out, err := objects(s.t.Context(), func(run string) bool { return run == s.run })
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// mustBeGone checks that nothing is left of the run: no object in the engine, and no e2e command.
func (s *live) mustBeGone() {
	s.t.Helper()
	if left := s.left(); len(left) > 0 {
		s.t.Errorf("the run left: %s", strings.Join(left, ", "))
	}
	if pid, ok := s.commandRuns(); ok {
		s.t.Errorf("the e2e command (process %d) runs on", pid)
	}
}

// commandRuns reports whether the e2e command still runs, and its process id.
func (s *live) commandRuns() (int, bool) {
	data, err := os.ReadFile(s.marker)
	if err != nil {
		return 0, false
	}
	id, _, _ := strings.Cut(string(data), " ")
	pid, err := strconv.Atoi(id)
	if err != nil {
		return 0, false
	}
	// A process that has ended, and one that nobody has waited for, have no command line.
	cmdline, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return pid, err == nil && strings.HasPrefix(string(cmdline), "sleep\x00600\x00")
}

// killCommand ends what a killed podseal could not.
func (s *live) killCommand() {
	if pid, ok := s.commandRuns(); ok {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by now
	}
}

// TestInterruptOnce checks that podseal cleans up and says by its exit code that it was interrupted.
func TestInterruptOnce(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			s := startRun(t)
			s.signal(sig)
			if code := s.mustEnd(45 * time.Second); code != exitInterrupted {
				t.Errorf("exit code %d, want %d:\n%s", code, exitInterrupted, s.stderr())
			}
			s.mustBeGone()
		})
	}
}

// TestInterruptTwice checks that the second interrupt does not wait for the application's gentle end.
func TestInterruptTwice(t *testing.T) {
	s := startRun(t)
	s.signal(syscall.SIGINT)
	time.Sleep(20 * time.Millisecond)
	s.signal(syscall.SIGINT)
	if code := s.mustEnd(10 * time.Second); code != exitInterrupted {
		t.Errorf("exit code %d, want %d:\n%s", code, exitInterrupted, s.stderr())
	}
	s.mustBeCollected()
	s.mustBeGone()
}

// TestCollectGarbage checks that gc removes the objects that a killed podseal leaves.
func TestCollectGarbage(t *testing.T) {
	s := startRun(t)
	s.signal(syscall.SIGKILL)
	s.mustEnd(10 * time.Second)
	if len(s.left()) == 0 {
		t.Fatal("a killed podseal left nothing: this test shows nothing")
	}
	s.mustBeCollected()
}

// TestGCSparesTheLiving checks that gc does not touch the objects of a podseal that still runs.
func TestGCSparesTheLiving(t *testing.T) {
	s := startRun(t)
	before := s.left()
	podseal(t, "gc").mustExit(t, exitSealed)
	after := s.left()
	for _, object := range before { // the run may have made more meanwhile
		if !slices.Contains(after, object) {
			t.Errorf("gc removed %s of a living run", object)
		}
	}
	s.signal(syscall.SIGINT)
	s.mustEnd(45 * time.Second)
	s.mustBeGone()
}
