package trial

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/target"
)

// A command has exited 0 also where something that it started goes on and keeps its output open; one that fails has
// failed all the same.
func TestCommandThatLeavesSomethingRunning(t *testing.T) {
	c := published{}
	for line, want := range map[string]int{"sleep 9 & exit 0": 0, "sleep 9 & exit 3": 3} {
		began := time.Now()
		res, err := execute(context.Background(), target.Target{}, c, target.Shell(line, false), observe.E2E)
		if err != nil || res.Code != want {
			t.Errorf("%s: %d, %v", line, res.Code, err)
		}
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("%s took %s", line, took)
		}
	}
}

// Of what a command writes the end is kept, whatever comes before it.
func TestTailBufferKeepsTheEnd(t *testing.T) {
	var e tailBuffer
	for _, size := range []int{1, 100, maxOutput - 1, maxOutput, 5 * maxOutput, 7} {
		for range 9 {
			if n, err := e.Write([]byte(strings.Repeat("x", size))); n != size || err != nil {
				t.Fatal(n, err)
			}
		}
		if len(e.buf) > 2*maxOutput {
			t.Errorf("%d bytes are kept", len(e.buf))
		}
	}
	_, _ = e.Write([]byte("the end"))
	if got := tail(e.String()); len(got) != maxOutput || !strings.HasSuffix(got, "xxthe end") {
		t.Errorf("%d bytes, ends %q", len(got), got[len(got)-10:])
	}
}

// TestCommandLeavesNoProcess ends the background processes of a command with it, also where the command passed.
func TestCommandLeavesNoProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	line := "sleep 300 >/dev/null 2>&1 & echo $! >" + file
	res, err := execute(context.Background(), target.Target{}, published{}, target.Shell(line, false), observe.E2E)
	if err != nil || res.Code != 0 {
		t.Fatal(res, err)
	}
	pid, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for ended := false; !ended; time.Sleep(10 * time.Millisecond) { // the test's own time limit ends this loop
		state, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
		ended = err != nil || strings.Contains(string(state), ") Z ")
	}
}

// TestCommandRunsInItsFolder runs a host command in the folder of the target.
func TestCommandRunsInItsFolder(t *testing.T) {
	dir := t.TempDir()
	for _, folder := range []string{dir, ""} {
		want := folder
		if want == "" {
			want, _ = os.Getwd()
		}
		res, err := execute(context.Background(), target.Target{Dir: folder}, published{}, target.Shell("pwd -P", false), observe.E2E)
		if want, _ = filepath.EvalSymlinks(want); err != nil || strings.TrimSpace(res.Output) != want {
			t.Errorf("got %q, %v, want %s", res.Output, err, want)
		}
	}
}

// TestCommandOfEndedRun names the host command that was under way when its run ended.
func TestCommandOfEndedRun(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := execute(ctx, target.Target{}, published{}, target.Command{Argv: []string{"sleep", "300"}}, observe.E2E)
	if !errors.Is(err, context.DeadlineExceeded) || err.Error() != "running `sleep 300`: context deadline exceeded" {
		t.Errorf("got %v", err)
	}
}
