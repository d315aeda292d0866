//go:build linux && engine

package trace_test

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace"
)

// needImage builds an image of the project and returns its name. It skips where it cannot be built, and fails there in
// CI.
func needImage(t testing.TB, folder string) string {
	t.Helper()
	out, err := exec.Command("../../scripts/images.sh", folder).CombinedOutput()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("building the image of %s: %v: %s", folder, err, out)
	default:
		t.Skipf("the image of %s cannot be built here, which this test needs: %v: %s", folder, err, out)
	}
	return "podseal-example/" + path.Base(folder) + ":latest"
}

// Threads that write at the same time: no path is lost, and none is another one's.
func TestThreads(t *testing.T) {
	l := needEngine(t)
	const rounds = 50
	for _, c := range []struct {
		name, folder string
		argv         []string
		command      string
	}{
		{"Go", "", []string{"app", "threads"}, "app"},
		{"JVM", "internal/trace/testdata/threads", []string{"java", "-cp", "/app", "Threads"}, "java"},
		{"Python", "internal/trace/testdata/threads", []string{"python3", "/app/threads.py"}, "python3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			image := l.image
			if c.folder != "" {
				image = needImage(t, c.folder)
			}
			r := l.startImage(t, image, []string{"-u", "1234:4321"}, append(c.argv, fmt.Sprint(rounds))...)
			wantThreads(t, r, c.command, rounds)
		})
	}
}

// wantThreads compares what was traced with what the threads do, and makes sure that all of it is the process's.
func wantThreads(t *testing.T, r *traced, command string, rounds int) {
	t.Helper()
	if code := r.end(t); code != 0 {
		t.Fatal(r.logs(t))
	}
	got := map[string]int{}
	for _, w := range r.session.Writes() {
		if !strings.HasPrefix(w.Path, "/tmp/t") {
			continue // the runtime's own
		}
		got[lines([]observe.Write{w})[0]] += w.Count
		if w.Command != command || w.PID != 1 || w.UID != 1234 || w.GID != 4321 || w.Exec {
			t.Errorf("wrong process: %+v", w)
		}
	}
	if diff := cmp.Diff(threadsWant(rounds), got); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	if s := r.session.Status(); !s.On || s.Lost != 0 || s.Note != "" {
		t.Errorf("status: %+v", s)
	}
}

// threadsWant is what the three programs do to files.
func threadsWant(rounds int) map[string]int {
	want := map[string]int{}
	for i := range 8 {
		dir := fmt.Sprintf("/tmp/t%d", i)
		want["mkdir "+dir+" allowed dir"] = 1
		for j := range 4 {
			want[fmt.Sprintf("open %s/f%d allowed", dir, j)] = rounds
			want[fmt.Sprintf("rename %s/f%d -> %s/done%d allowed", dir, j, dir, j)] = rounds
			want[fmt.Sprintf("unlink %s/done%d allowed", dir, j)] = rounds
		}
	}
	return want
}

// maxPeak bounds the observer's memory in a storm, in KiB.
const maxPeak = 96 << 10

// A storm with more paths than the observer keeps: the application is not stopped, memory is bounded, and each event
// is reported or counted as lost.
func TestStorm(t *testing.T) {
	l := needEngine(t)
	const folders, files = 1700, 80
	s := l.storm(t, folders, files)
	t.Logf("%d told, %d lost, the observer's peak is %d KiB, %v", s.told, s.lost, s.peak, s.took)
	if s.told+s.lost != folders*(files+1) {
		t.Errorf("%d events were told and %d lost, of %d", s.told, s.lost, folders*(files+1))
	}
	if s.lost == 0 {
		t.Error("nothing was lost: the storm is too small to show the bound")
	}
	if s.peak > maxPeak {
		t.Errorf("the observer had %d KiB, want at most %d", s.peak, maxPeak)
	}
}

// stormy is how a storm ended.
type stormy struct {
	told, lost, peak int
	took             time.Duration
}

func (l *lab) storm(t testing.TB, folders, files int) stormy {
	t.Helper()
	begin := time.Now()
	r := l.start(t, []string{"--tmpfs", "/mem"}, "app", "storm", "/mem", fmt.Sprint(folders), fmt.Sprint(files))
	r.started(t)
	for !strings.Contains(r.logs(t), "done") {
		if l.must(t, "inspect", "-f", "{{.State.Running}}", r.id) != "true" {
			t.Fatal(r.logs(t))
		}
		time.Sleep(100 * time.Millisecond)
	}
	s := stormy{took: time.Since(begin)}
	if _, err := fmt.Sscan(l.must(t, append([]string{"exec", r.observer, "/bin/app", "peak"}, trace.ObserverArgs(r.opts)...)...), &s.peak); err != nil {
		t.Fatal(err)
	}
	l.must(t, "kill", r.id)
	r.end(t)
	for _, w := range r.session.Writes() {
		s.told += w.Count
	}
	s.lost = r.session.Status().Lost
	return s
}
