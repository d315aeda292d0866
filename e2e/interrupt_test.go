package e2e

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// started is a podseal that is in the middle of its e2e command.
type started struct {
	t      *testing.T
	cmd    *exec.Cmd
	run    string // the name of the run, from the label of its objects
	marker string // the e2e command's process id is in this file
	stderr *bytes.Buffer
}

// startRun starts podseal with an e2e command that does not end by itself, and waits until that command runs.
func startRun(t *testing.T) *started {
	t.Helper()
	engineOrSkip(t)
	before, err := runs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := &started{t: t, marker: filepath.Join(t.TempDir(), "pid"), stderr: &bytes.Buffer{}}
	s.cmd = command(t.Context(), "run", nginx, "--", "sh", "-c", "echo $$ > "+s.marker+"; exec sleep 600")
	s.cmd.Stderr = s.stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.killCommand)
	s.await("the e2e command runs", time.Minute, func() bool {
		data, err := os.ReadFile(s.marker)
		return err == nil && strings.HasSuffix(string(data), "\n")
	})
	now, err := runs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(now, func(run string, _ bool) bool { return before[run] })
	if len(now) != 1 {
		t.Fatalf("want the objects of one run in the engine, got %v\n%s", now, s.stderr)
	}
	for run := range now {
		s.run = run
	}
	return s
}

func (s *started) await(what string, limit time.Duration, done func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(limit); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("after %s it is not so that %s", limit, what)
		}
	}
}

func (s *started) signal(sig os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// mustEnd waits for podseal's end and returns its exit code, as a shell shows it: a process that ends by SIGINT has 130.
func (s *started) mustEnd(limit time.Duration) int {
	s.t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.cmd.Wait() // the exit code is looked at below
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
		s.t.Fatalf("podseal runs on for %s after the signal:\n%s", limit, s.stderr)
		return -1
	}
}

// left lists what the run has left in the engine.
func (s *started) left() []string {
	s.t.Helper()
	all, err := objects(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for object, run := range all {
		if run == s.run {
			out = append(out, object)
		}
	}
	return out
}

// mustBeGone checks that nothing is left of the run: no object in the engine, and no e2e command.
func (s *started) mustBeGone() {
	s.t.Helper()
	if left := s.left(); len(left) > 0 {
		s.t.Errorf("the run left: %s", strings.Join(left, ", "))
	}
	if pid, ok := s.commandRuns(); ok {
		s.t.Errorf("the e2e command (process %d) runs on", pid)
	}
}

// commandRuns tells whether the e2e command is still there, and its process id.
func (s *started) commandRuns() (int, bool) {
	data, err := os.ReadFile(s.marker)
	if err != nil {
		return 0, false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0, false
	}
	// A process that has ended, and one that nobody has waited for, have no command line.
	cmdline, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return pid, err == nil && strings.HasPrefix(string(cmdline), "sleep\x00600\x00")
}

// killCommand ends what a killed podseal could not.
func (s *started) killCommand() {
	if pid, ok := s.commandRuns(); ok {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by now
	}
}

// TestInterruptOnce: podseal cleans up and says by its exit code that it was interrupted.
func TestInterruptOnce(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			s := startRun(t)
			s.signal(sig)
			if code := s.mustEnd(45 * time.Second); code != exitInterrupted {
				t.Errorf("exit code %d, want %d:\n%s", code, exitInterrupted, s.stderr)
			}
			s.mustBeGone()
		})
	}
}

// TestInterruptTwice: the second one does not wait for the application's gentle end.
func TestInterruptTwice(t *testing.T) {
	s := startRun(t)
	s.signal(syscall.SIGINT)
	time.Sleep(20 * time.Millisecond)
	s.signal(syscall.SIGINT)
	if code := s.mustEnd(10 * time.Second); code != exitInterrupted {
		t.Errorf("exit code %d, want %d:\n%s", code, exitInterrupted, s.stderr)
	}
	// What it had no time for goes with the next gc.
	podseal(t, "gc").mustExit(t, exitSealed)
	s.mustBeGone()
}

// TestCollectGarbage: a killed podseal leaves objects, and gc removes them.
func TestCollectGarbage(t *testing.T) {
	s := startRun(t)
	s.signal(syscall.SIGKILL)
	s.mustEnd(10 * time.Second)
	if len(s.left()) == 0 {
		t.Fatal("a killed podseal left nothing: this test shows nothing")
	}
	podseal(t, "gc").mustExit(t, exitSealed)
	if left := s.left(); len(left) > 0 {
		t.Errorf("gc left: %s", strings.Join(left, ", "))
	}
}

// TestGCSparesTheLiving: gc does not touch the objects of a podseal that still runs.
func TestGCSparesTheLiving(t *testing.T) {
	s := startRun(t)
	before := len(s.left())
	podseal(t, "gc").mustExit(t, exitSealed)
	if after := len(s.left()); after != before {
		t.Errorf("gc took %d of %d objects of a living run", before-after, before)
	}
	s.signal(syscall.SIGINT)
	s.mustEnd(45 * time.Second)
	s.mustBeGone()
}
