//go:build unix

package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/podseal/podseal/internal/exitcode"
)

// stuckEngine is an engine that answers a ping, has no image, and never ends a pull. pulling is closed when one began.
func stuckEngine(t *testing.T) (host string, pulling <-chan struct{}) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "engine.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	began := make(chan struct{})
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/_ping"):
			w.Header().Set("Api-Version", "1.41")
			w.Header().Set("Ostype", "linux")
		case strings.HasSuffix(r.URL.Path, "/images/create"):
			close(began)
			<-r.Context().Done()
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/json") && strings.Contains(r.URL.Path, "/images/img"):
			http.Error(w, `{"message": "no such image"}`, http.StatusNotFound)
		case strings.HasSuffix(r.URL.Path, "/volumes"):
			_, _ = io.WriteString(w, "{}")
		default: // the containers and networks to remove
			_, _ = io.WriteString(w, "[]")
		}
	})}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return "unix://" + socket, began
}

func startPodseal(t *testing.T, host string) (cmd *exec.Cmd, stderr io.ReadCloser) {
	t.Helper()
	cmd = exec.Command("podseal", "run", "img", "--", "true")
	cmd.Env = append(cmd.Environ(), "DOCKER_HOST="+host)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, stderr
}

func TestSignalsEndGently(t *testing.T) {
	// A process that catches a signal starts others with the default action, also where it was started under nohup.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP)
	defer signal.Stop(caught)
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		host, pulling := stuckEngine(t)
		cmd, stderr := startPodseal(t, host)
		<-pulling
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(stderr)
		if err != nil {
			t.Fatal(err)
		}
		wantInterrupted(t, cmd)
		if !strings.Contains(string(said), "podseal: interrupted; what it had made in the engine was removed\n") {
			t.Errorf("%s: stderr is %q", s, said)
		}
	}
}

// TestClosedStderrEndsGently: the first line that nobody reads ends the run, and does not kill the process.
func TestClosedStderrEndsGently(t *testing.T) {
	host, _ := stuckEngine(t)
	cmd, stderr := startPodseal(t, host)
	if err := stderr.Close(); err != nil {
		t.Fatal(err)
	}
	wantInterrupted(t, cmd)
}

func wantInterrupted(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	err := cmd.Wait()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != exitcode.Interrupted {
		t.Errorf("%v, want exit code %d", err, exitcode.Interrupted)
	}
}

// TestSilentInputEndsGently: a pipe that stays silent does not hold a command that is interrupted.
func TestSilentInputEndsGently(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"run", "-f", pipe}, {"run", "--config", pipe}, {"check", "--config", pipe}, {"advise", pipe}} {
		cmd := exec.Command("podseal", args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		writer, err := os.OpenFile(pipe, os.O_WRONLY, 0) // waits until podseal reads
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		wantInterrupted(t, cmd)
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
