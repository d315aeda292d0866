package seal

import (
	"slices"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/observe/observetest"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

// TestSlots: twice as many trials run in parallel if most of them will fail, unless the application is slow to start.
func TestSlots(t *testing.T) {
	for _, c := range []struct {
		parallel int
		ready    time.Duration
		want     int
	}{{0, time.Second, 1}, {1, time.Second, 1}, {2, time.Second, 4}, {2, lightStart, 2}, {2, time.Minute, 2}} {
		s := search{opts: Options{Parallel: c.parallel}, k: knowledge{open: observe.Observation{ReadyIn: c.ready}}}
		if got := s.slots(); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// TestJudgeStopWrites: a trial fails if it could not write at its stop what other runs wrote at their stop and never before.
func TestJudgeStopWrites(t *testing.T) {
	const refused = "logs stop\nlog cannot save /data/state: Read-only file system\nlog cannot save /a: Read-only file system"
	for _, c := range []struct {
		name, open, sealed, run string
		want                    trial.Outcome
	}{
		{"both runs wrote it at their stop", "open /data/state stop", "trace on\nopen /data/state stop", refused, trial.Failed},
		{"the sealed run is not traced", "open /data/state stop", "", refused, trial.Failed},
		{"the sealed run did not write it", "open /data/state stop", "trace on", refused, trial.Passed},
		{"the sealed run wrote it before", "open /data/state stop", "trace on\nopen /data/state e2e", refused, trial.Passed},
		{"the open run wrote it before", "open /data/state e2e", "trace on\nopen /data/state stop", refused, trial.Passed},
		{"the open run wrote another file", "open /data/other stop", "trace on\nopen /data/state stop", refused, trial.Passed},
		{"it was refused before the stop", "open /data/state stop", "", "log cannot save /data/state: Read-only file system\nlogs stop\nlog bye", trial.Passed},
		{"nothing was refused", "open /data/state stop", "", "logs stop\nlog bye", trial.Passed},
		{"the line names no file", "open /data/state stop", "", "logs stop\nlog Read-only file system", trial.Passed},
		{"the first of several files", "open /a stop", "", refused, trial.Failed},
	} {
		open, err1 := observetest.Parse(c.open)
		sealed, err2 := observetest.Parse(c.sealed)
		run, err3 := observetest.Parse(c.run)
		if err1 != nil || err2 != nil || err3 != nil {
			t.Fatal(err1, err2, err3)
		}
		got := judgeStopWrites(Round{Outcome: trial.Passed, Observation: run}, open, sealed)
		if got.Outcome != c.want || (got.Observation.Failure.Kind == observe.StopFailed) != (c.want == trial.Failed) {
			t.Errorf("%s: %s %+v", c.name, got.Outcome, got.Observation.Failure)
		}
	}
}

// TestDescribe: two users with the same uid and other groups have different names.
func TestDescribe(t *testing.T) {
	one := profile.Profile{User: profile.User{UID: 5}}.WithMount(profile.Mount{Path: "/a"})
	two := profile.Profile{User: profile.User{UID: 5, Groups: []int64{0, 44}}}
	if a, b := describe(one), describe(two); a != "uid 5, writable /a" || b != "uid 5 with groups [0 44], 0 writable folders" {
		t.Errorf("%s; %s", a, b)
	}
}

// TestWithExposedPorts: the ports of the image count if neither the user nor the pod names any.
func TestWithExposedPorts(t *testing.T) {
	facts := image.Facts{Config: &v1.ConfigFile{}}
	facts.Config.Config.ExposedPorts = map[string]struct{}{"80/tcp": {}, "53/udp": {}}
	for _, c := range []struct {
		name     string
		target   target.Target
		own, pod []int
	}{
		{"an image", target.Target{}, []int{80}, nil},
		{"an image with ports of the user", target.Target{Ports: []int{8080}}, []int{8080}, nil},
		{"a pod", target.Target{Pod: &target.Pod{}}, nil, []int{80}},
		{"a pod with ports", target.Target{Pod: &target.Pod{Ports: []int{9000}}}, nil, []int{9000}},
		{"a pod with a default port", target.Target{Pod: &target.Pod{Default: "web"}}, nil, nil},
	} {
		got := withExposedPorts(c.target, facts)
		var pod []int
		if got.Pod != nil {
			pod = got.Pod.Ports
		}
		if !slices.Equal(got.Ports, c.own) || !slices.Equal(pod, c.pod) {
			t.Errorf("%s: %v and %v, want %v and %v", c.name, got.Ports, pod, c.own, c.pod)
		}
	}
}

// TestMovesFolder: only a folder that was renamed has files that the trace does not name.
func TestMovesFolder(t *testing.T) {
	for run, want := range map[string]bool{
		"rename /a/ -> /b start":              true,
		"rename /a -> /b start":               false,
		"rename /a/ -> /b start denied EROFS": false,
		"mkdir /a/ start":                     false,
	} {
		o, err := observetest.Parse(run)
		if err != nil {
			t.Fatal(err)
		}
		if got := movesFolder(o.Writes[0]); got != want {
			t.Errorf("%s: %v", run, got)
		}
	}
}

// TestSettle: a repeated failure counts if it was seen often enough in a row, and no kill from outside does.
func TestSettle(t *testing.T) {
	for _, c := range []struct {
		name       string
		outcome    trial.Outcome
		cause      trial.Cause
		runs, same int
		unstable   bool
		want       trial.Outcome
		reproduced bool
	}{
		{"once", trial.Inconclusive, trial.OutOfMemory, 1, 1, false, trial.Inconclusive, false},
		{"passed at last", trial.Passed, "", 2, 1, false, trial.Passed, false},
		{"twice the same", trial.Failed, "", 2, 2, false, trial.Failed, true},
		{"another failure at last", trial.Failed, "", 3, 1, false, trial.Failed, false},
		{"always another failure", trial.Failed, "", maxRuns, 1, true, trial.Inconclusive, false},
		{"out of memory twice", trial.Inconclusive, trial.OutOfMemory, 2, 2, false, trial.Failed, true},
		{"killed twice", trial.Inconclusive, trial.Killed, 2, 2, false, trial.Inconclusive, true},
		{"abandoned twice", trial.Inconclusive, trial.Abandoned, 2, 2, false, trial.Inconclusive, true},
	} {
		r := runner{ledger: &ledger{}}
		o := Round{place: 1, Outcome: c.outcome, Cause: c.cause}
		r.ledger.add(o)
		got := r.settle(o, c.runs, c.same, c.unstable)
		if recorded := r.ledger.all()[0]; got.Outcome != c.want || got.reproduced != c.reproduced || recorded.Outcome != got.Outcome || recorded.reproduced != got.reproduced {
			t.Errorf("%s: %s (%v), recorded %s", c.name, got.Outcome, got.reproduced, recorded.Outcome)
		}
	}
}

// TestTouched: a mount is touched by a write in it, not by one in another mount, one of unknown outcome or one that is noise.
func TestTouched(t *testing.T) {
	p := profile.Profile{}
	for _, at := range []string{"/run", "/run/lock", "/dev"} {
		p = p.WithMount(profile.Mount{Path: at, Kind: profile.Plain})
	}
	for _, c := range []struct {
		run, at string
		want    bool
	}{
		{"open /run/pid start", "/run", true},
		{"open /run/pid start denied EACCES", "/run", true},
		{"open /run/pid start unknown", "/run", false},
		{"open /run/lock/x start", "/run", false},
		{"open /dev/null start", "/dev", false},
		{"chmod /run/ start", "/run", true},
	} {
		o, err := observetest.Parse(c.run)
		if err != nil {
			t.Fatal(err)
		}
		if got := touched(o, p, profile.Mount{Path: c.at}); got != c.want {
			t.Errorf("%s: %v", c.run, got)
		}
	}
}

// TestRestartFix: the advice names at most three files that the run left in the mounts that are to blame.
func TestRestartFix(t *testing.T) {
	p := profile.Profile{}.WithMount(profile.Mount{Path: "/run", Kind: profile.Plain}).WithMount(profile.Mount{Path: "/srv", Kind: profile.Plain})
	o, err := observetest.Parse("open /run/a start\nmkdir /run/b/ start\nopen /run/c start\nopen /srv/x start\nchmod /run start\nopen /run/d start\nopen /run/e start\nopen /etc/f start")
	if err != nil {
		t.Fatal(err)
	}
	const want = "remove what an earlier start left in /run (/run/a, /run/c, /run/d) before the application starts, in the image's entrypoint, " +
		"or keep such files in a folder that does not outlive the container"
	if got := restartFix(o, p, []string{"/run"}); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
