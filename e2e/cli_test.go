//go:build engine

package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The exit codes that podseal promises.
const (
	exitSealed      = 0
	exitError       = 1
	exitUsage       = 2
	exitE2EFails    = 3
	exitNotSealed   = 4
	exitInterrupted = 130
)

// result is how one call of podseal ended.
type result struct {
	code           int
	stdout, stderr string
}

// podseal runs the binary in the project's folder, to its end.
func podseal(t *testing.T, args ...string) result {
	t.Helper()
	return podsealWith(t, nil, args...)
}

// podsealWith runs podseal with more environment variables.
func podsealWith(t *testing.T, env []string, args ...string) result {
	t.Helper()
	engineOrSkip(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := command(ctx, args...)
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("podseal %s: %v", strings.Join(args, " "), err)
	}
	r := result{code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
	r.mustNotCrash(t)
	return r
}

// command returns podseal as a child that gets an interrupt, not a kill, when the context ends, so that it can clean up.
func command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, shared.binary, args...)
	cmd.Dir = shared.root
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = time.Minute
	return cmd
}

func (r result) mustExit(t *testing.T, code int) {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d; stderr:\n%s", r.code, code, r.stderr)
	}
}

func (r result) mustNotCrash(t *testing.T) {
	t.Helper()
	for _, trace := range []string{"panic:", "goroutine ", "runtime error", "DATA RACE"} {
		if strings.Contains(r.stderr, trace) {
			t.Errorf("stderr shows a crash (%q):\n%s", trace, r.stderr)
		}
	}
}
