package trial

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// scripted is an engine with one container, whose calls do what a case says.
type scripted struct {
	engine.Engine
	engine.Container
	fail    map[string]error // by the name of the call
	exits   time.Duration    // after the start; 0: never by itself
	exit    observe.Exit     // that of the container when it exits by itself
	other   string           // the other container of the pod that has ended
	logs    string
	chatty  bool // writes a new line each second
	trace   observe.Trace
	listens []int
	drive   string // the failure of the commands in the phase "drive PHASE"

	mu       sync.Mutex // of the next three
	began    time.Time
	gone     chan struct{}
	stopped  bool
	phases   []string
	drives   int
	restarts []string
}

func (s *scripted) Start(context.Context, target.Target, image.Facts, profile.Profile) (engine.Container, error) {
	return s, s.start("Start")
}

func (s *scripted) start(call string) error {
	gone := make(chan struct{})
	s.mu.Lock()
	s.began, s.gone = time.Now(), gone
	s.mu.Unlock()
	if s.exits > 0 {
		time.AfterFunc(s.exits, func() { close(gone) })
	}
	return s.fail[call]
}

func (s *scripted) Restart(_ context.Context, fresh ...string) error {
	s.restarts = append(s.restarts, fmt.Sprint(fresh))
	return s.start("Restart")
}

// ended returns the channel that is closed when the current start has ended.
func (s *scripted) ended() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone
}

func (s *scripted) Wait(ctx context.Context) error {
	select {
	case <-s.ended():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *scripted) State(context.Context) (engine.State, error) {
	s.mu.Lock()
	st := engine.State{Running: !s.stopped, Other: s.other}
	s.mu.Unlock()
	select {
	case <-s.ended():
		st.Running, st.Exit = false, s.exit
	default:
	}
	return st, s.fail["State"]
}

func (s *scripted) Stop(context.Context) (observe.Exit, error) {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	return observe.Exit{Code: 143}, s.fail["Stop"]
}

func (s *scripted) Logs(context.Context) (string, error) {
	logs := s.logs
	if s.chatty {
		for i := range int(time.Since(s.began) / time.Second) {
			logs += strings.Repeat("x", i+1) + "\n"
		}
	}
	return logs, s.fail["Logs"]
}

func (s *scripted) Changes(context.Context) ([]observe.Change, error) {
	return []observe.Change{{Path: "/at-" + s.phases[len(s.phases)-1]}}, s.fail["Changes"]
}

func (s *scripted) Drive(_ context.Context, a Application) ([]observe.CommandResult, observe.Failure, error) {
	s.drives++
	if s.drive == "drive "+string(a.Phase) {
		return nil, observe.Failure{Kind: observe.CommandFailed, Phase: a.Phase, Text: "command failed"}, nil
	}
	return nil, observe.Failure{}, s.fail["Drive"]
}

func (s *scripted) Phase(p observe.Phase)                    { s.phases = append(s.phases, string(p)) }
func (s *scripted) Host() string                             { return "" }
func (s *scripted) Ports() map[int]int                       { return nil }
func (s *scripted) DeniedPorts() []int                       { return []int{80} }
func (s *scripted) Listening(context.Context) ([]int, error) { return s.listens, s.fail["Listening"] }

func (s *scripted) Connections(context.Context) ([]observe.Connection, error) {
	return []observe.Connection{{Address: "10.0.0.2", Command: "app", Phase: observe.Phase(s.phases[len(s.phases)-1])}}, s.fail["Connections"]
}
func (s *scripted) Proceed(context.Context) error            { return s.fail["Proceed"] }
func (s *scripted) Writes() ([]observe.Write, observe.Trace) { return nil, s.trace }
func (s *scripted) Usage(context.Context) ([]observe.Usage, error) {
	return []observe.Usage{{Path: "/run", Bytes: 1}}, s.fail["Usage"]
}

func (s *scripted) Processes(context.Context) ([]observe.Process, error) {
	return []observe.Process{{UID: 1, Command: "app"}, {UID: 1, Command: "app"}, {UID: 2, Command: "app"}}, s.fail["Processes"]
}

var errEngine = errors.New("engine is gone")

// run makes a run on the fake clock, and returns its result in a line.
func run(t *testing.T, s *scripted, r Request) (line string, res Result) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r.Driver = s
		began := time.Now()
		var err error
		res, err = Run(t.Context(), s, r)
		if err != nil {
			line = "error " + err.Error()
			return
		}
		line = strings.TrimSpace(fmt.Sprintf("%s %s", res.Outcome, res.Cause))
		if f := res.Observation.Failure; f.Kind != "" {
			line += fmt.Sprintf(": %s in %s: %s", f.Kind, f.Phase, f.Text)
		}
		line += fmt.Sprintf(" after %s: %s", time.Since(began).Truncate(time.Second/4), strings.Join(s.phases, " "))
		if s.exits > 0 { // let the timer end
			time.Sleep(s.exits)
		}
	})
	return line, res
}

// TestRun: the phases of a run and how long they take, and what each kind of failure ends. An application without checks is
// ready after a second.
func TestRun(t *testing.T) {
	var (
		full    = Protocol{Restart: RestartFull, Ready: 9 * time.Second}
		job     = target.Target{Completes: true}
		port    = target.Target{Ports: []int{80}}
		soaking = target.Target{Soak: 5 * time.Second}
		seed    = &engine.SeedError{Path: "/srv", Output: "cp failed"}
		stall   = Patience{After: 4 * time.Second, Calm: 2 * time.Second}
	)
	fails := func(call string, err error) *scripted { return &scripted{fail: map[string]error{call: err}} }
	for _, c := range []struct {
		name string
		s    *scripted
		r    Request
		want string
	}{
		{"without a restart", &scripted{}, Request{}, "passed after 1s: start e2e stop"},
		{"with a restart", &scripted{}, Request{Protocol: full}, "passed after 2s: start e2e restart stop"},
		{"with a soak", &scripted{}, Request{Target: soaking}, "passed after 6s: start e2e stop"},
		{"exits before it is ready", &scripted{exits: time.Second / 2, exit: observe.Exit{Code: 3}}, Request{Protocol: full}, "failed: exited in start: exited 3 before it was ready after 500ms: start stop"},
		{"ends well before it is ready", &scripted{exits: time.Second / 2}, Request{}, "failed: exited in start: exited 0 before it was ready after 500ms: start stop"},
		{"runs out of memory", &scripted{exits: time.Second / 2, exit: observe.Exit{Code: 137, OOMKilled: true}}, Request{}, "inconclusive out of memory: exited in start: ran out of memory before it was ready after 500ms: start stop"},
		{"the engine cannot execute it", &scripted{exits: time.Second / 2, exit: observe.Exit{Code: 126, Error: "exec: denied\nmore"}}, Request{}, "failed: exited in start: exited 126 before it was ready: exec: denied after 500ms: start stop"},
		{"exits in the soak", &scripted{exits: 3 * time.Second, exit: observe.Exit{Code: 3}}, Request{Target: soaking}, "failed: exited in e2e: exited 3 during the soak after 3s: start e2e stop"},
		{"another container ends", &scripted{other: "container db exited 1"}, Request{}, "failed: pod in start: container db exited 1 before it was ready after 1s: start stop"},
		{"never ready", &scripted{}, Request{Target: port, Protocol: full}, "failed: not ready in start: not ready after 9s: nothing listens on port 80 after 9s: start stop"},
		{"stalled", &scripted{}, Request{Target: port, Protocol: full, Patience: stall}, "inconclusive abandoned: not ready in start: not ready after 4s, and stalled: nothing listens on port 80 after 4s: start stop"},
		{"never ready, but not stalled", &scripted{chatty: true}, Request{Target: port, Protocol: full, Patience: stall}, "failed: not ready in start: not ready after 9s: nothing listens on port 80 after 9s: start stop"},
		{"the engine stalls the watch", &scripted{fail: map[string]error{"Processes": errEngine}}, Request{Target: port, Protocol: full, Patience: stall}, "failed: not ready in start: not ready after 9s: nothing listens on port 80 after 9s: start stop"},
		{"a command fails", &scripted{drive: "drive e2e"}, Request{Protocol: full}, "failed: command in e2e: command failed after 1s: start e2e stop"},
		{"a command fails after the restart", &scripted{drive: "drive restart"}, Request{Protocol: full}, "failed: command in restart: after PID 1 was killed and started again over the same mounts: command failed after 2s: start e2e restart stop"},
		{"a restart that is judged by readiness", &scripted{drive: "drive restart"}, Request{Protocol: full.WithRestart(RestartReady)}, "passed after 2s: start e2e restart stop"},
		{"a job", &scripted{exits: 3 * time.Second}, Request{Target: job}, "passed after 3s: start e2e stop"},
		{"a job that fails", &scripted{exits: 3 * time.Second, exit: observe.Exit{Code: 1}}, Request{Target: job}, "failed: exited in start: exited 1 where it should have ended well after 3s: start stop"},
		{"a job that the engine cannot execute", &scripted{exits: 3 * time.Second, exit: observe.Exit{Error: "exec"}}, Request{Target: job}, "failed: exited in start: exited 0 where it should have ended well: exec after 3s: start stop"},
		{"a job that does not end", &scripted{}, Request{Target: job, Protocol: full}, "failed: not ready in start: it should run to its end, and had not ended after 9s (see --ready-timeout) after 9s: start stop"},
		{"a job that soaks", &scripted{exits: 3 * time.Second}, Request{Target: target.Target{Completes: true, Soak: 5 * time.Second}}, "passed after 8s: start e2e stop"},
		{"what comes after a job fails", &scripted{exits: time.Second, fail: map[string]error{"Proceed": &engine.PodError{What: "web exited 1"}}}, Request{Target: job}, "failed: pod in start: web exited 1 after 1s: start stop"},
		{"what comes after a job cannot start", &scripted{exits: time.Second, fail: map[string]error{"Proceed": errEngine}}, Request{Target: job}, "error engine is gone"},
		{"a seed fails", fails("Start", seed), Request{}, "failed: seed in start: " + seed.Error() + " after 0s: "},
		{"the start fails", fails("Start", errEngine), Request{}, "error engine is gone"},
		{"a seed fails at the restart", fails("Restart", seed), Request{Protocol: full}, "failed: seed in restart: after a restart: " + seed.Error() + " after 1s: start e2e restart stop"},
		{"the restart fails", fails("Restart", errEngine), Request{Protocol: full}, "error restarting the container: engine is gone"},
		{"the state is not to be read", fails("State", errEngine), Request{}, "error reading the container's state: engine is gone"},
		{"the stop fails", fails("Stop", errEngine), Request{}, "error stopping the container: engine is gone"},
		{"the logs are not to be read", fails("Logs", errEngine), Request{}, "error reading the container's logs: engine is gone"},
		{"the changes are not to be read", fails("Changes", errEngine), Request{Protocol: Protocol{Changes: true}}, "error reading the container's changes: engine is gone"},
		{"no changes are to be read", fails("Changes", errEngine), Request{}, "passed after 1s: start e2e stop"},
		{"the processes are not to be read", fails("Processes", errEngine), Request{}, "error listing the processes: engine is gone"},
		{"the ports are not to be read", fails("Listening", errEngine), Request{}, "error listing the listening ports: engine is gone"},
		{"nothing can be inspected", fails("Listening", engine.ErrCannotInspect), Request{}, "passed after 1s: start e2e stop"},
		{"the sizes are not to be read", fails("Usage", errEngine), Request{}, "passed after 1s: start e2e stop"},
		{"the driver fails", fails("Drive", errEngine), Request{Protocol: full}, "error engine is gone"},
		{"a run that takes too long", &scripted{}, Request{Target: target.Target{Soak: time.Hour, Timeout: time.Minute}}, "error the run took longer than --timeout 1m0s"},
		{"a start that takes too long", &scripted{}, Request{Target: target.Target{Ports: []int{80}, Timeout: time.Minute}}, "error the run took longer than --timeout 1m0s"},
		{"a job that takes too long", &scripted{}, Request{Target: target.Target{Completes: true, Timeout: time.Minute}}, "error the run took longer than --timeout 1m0s"},
	} {
		if got, _ := run(t, c.s, c.r); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestObservation: each fact of a run is noted with its phase.
func TestObservation(t *testing.T) {
	s := &scripted{logs: "up\n", chatty: true, listens: []int{9, 8, 9}}
	started, readyBefore := false, -1
	var ready, stopping observe.Observation
	_, res := run(t, s, Request{
		Target:   target.Target{Soak: 2 * time.Second},
		Protocol: Protocol{Changes: true, Restart: RestartFull, Fresh: []string{"/run"}},
		Started:  func() { started = true },
		Ready:    func(o observe.Observation) { ready, readyBefore = o, s.drives },
		Stopping: func(_ context.Context, o observe.Observation) { stopping = o },
	})
	o := res.Observation
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"started", started, true},
		{"ready in", o.ReadyIn.Truncate(time.Second), time.Second},
		{"took", res.Took.Truncate(time.Second), 4 * time.Second},
		{"drives before it was ready", readyBefore, 0},
		{"changes when ready", ready.Changes, []observe.Change{{Path: "/at-start", Phase: observe.Start}}},
		{"drives", s.drives, 2},
		{"restarts", s.restarts, []string{"[/run]"}},
		{"listening", o.Listening, []int{8, 9}},
		{"processes", o.Processes, []observe.Process{{UID: 1, Command: "app"}, {UID: 2, Command: "app"}}},
		{"usage", o.Usage, []observe.Usage{{Path: "/run", Bytes: 1}}},
		{"usage before the stop", stopping.Usage, o.Usage},
		{"exit", *o.Exit, observe.Exit{Code: 143, Phase: observe.Stop}},
		{"exit before the stop", stopping.Exit == nil, true},
		{"denied ports", o.DeniedPorts, []int{80}},
		{"connections", len(o.Connections), 3},
		{"changes", o.Changes, []observe.Change{
			{Path: "/at-e2e", Phase: observe.E2E}, {Path: "/at-start", Phase: observe.Start}, {Path: "/at-stop", Phase: observe.Stop},
		}},
		{"pending changes", res.ChangesPending, false},
		{"logs", o.Logs, "up\nx\n"},
		{"start of the logs", o.LogStart, map[observe.Phase]int{observe.E2E: 5, observe.Stop: 5}},
	} {
		if got, want := fmt.Sprint(c.got), fmt.Sprint(c.want); got != want {
			t.Errorf("%s: %s, want %s", c.name, got, want)
		}
	}
	_, res = run(t, &scripted{trace: observe.Trace{On: true}, fail: map[string]error{"Changes": errEngine}}, Request{Protocol: Protocol{Changes: true}})
	if !res.ChangesPending || res.Outcome != Passed {
		t.Errorf("traced: the changes are not pending: %+v", res)
	}
}

func TestMergeChanges(t *testing.T) {
	phase := func(at string) observe.Phase { return observe.Phase("of " + at) }
	all := MergeChanges(nil, []observe.Change{{Path: "/b"}, {Path: "/a", Dir: true}}, phase)
	all = MergeChanges(all, []observe.Change{{Path: "/b", Dir: true, Phase: "other"}, {Path: "/a"}}, phase)
	want := []observe.Change{{Path: "/a", Dir: true, Phase: "of /a"}, {Path: "/b", Dir: true, Phase: "of /b"}}
	if fmt.Sprint(all) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", all, want)
	}
}

func TestCheckCommands(t *testing.T) {
	host := func(argv ...string) target.Command { return target.Command{Argv: argv} }
	inside := target.Command{Inside: true, Argv: []string{"no-such-program"}}
	for _, c := range []struct {
		name     string
		commands []target.Command
		want     string
	}{
		{"none", nil, ""},
		{"a program of the host, one of the container, an empty one", []target.Command{host("sh", "-c"), inside, {}}, ""},
		{"a program that is missing", []target.Command{host("sh"), host("no-such-program", "-x")}, "the e2e command no-such-program does not exist on this host: give a program on the PATH, or a path to one"},
		{"a directory", []target.Command{host("../trial/")}, "the e2e command ../trial/ is a directory on this host: give a program on the PATH, or a path to one"},
		{"a file without the right to execute", []target.Command{host("./run_test.go")}, "the e2e command ./run_test.go is not executable on this host: chmod +x ./run_test.go, or give it to its interpreter (bash ./run_test.go)"},
		{"a file of the folder, without a path", []target.Command{host("run_test.go")}, "the e2e command run_test.go does not exist on the PATH of this host: for the file in this folder, write ./run_test.go"},
	} {
		err := CheckCommands(c.commands)
		if got := fmt.Sprint(err); (err == nil) != (c.want == "") || err != nil && got != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestProgress: only what was not shown before is progress; numbers in a line do not make it a new one.
func TestProgress(t *testing.T) {
	p := progress{}
	for _, c := range []struct {
		name string
		s    *scripted
		want bool
	}{
		{"the first look", &scripted{}, true},
		{"the same", &scripted{}, false},
		{"a line", &scripted{logs: "waited 1 s\n"}, true},
		{"the line with another number", &scripted{logs: "waited 2 s\n"}, false},
		{"a port", &scripted{listens: []int{80}}, true},
		{"two ports, one of them new", &scripted{listens: []int{81, 80}}, true},
		{"the same ports", &scripted{listens: []int{80, 81}}, false},
		{"nothing can be inspected", &scripted{fail: map[string]error{"Listening": engine.ErrCannotInspect}}, false},
	} {
		if fresh, err := p.update(t.Context(), c.s); fresh != c.want || err != nil {
			t.Errorf("%s: progress %v (%v)", c.name, fresh, err)
		}
	}
	for _, call := range []string{"Logs", "Processes", "Listening"} {
		if _, err := p.update(t.Context(), &scripted{fail: map[string]error{call: errEngine}}); !errors.Is(err, errEngine) {
			t.Errorf("%s fails: %v", call, err)
		}
	}
}

// TestCommandOfExitedContainer: the exit of the container is the failure, and not that of the command that met it.
func TestCommandOfExitedContainer(t *testing.T) {
	exited := observe.Failure{Kind: observe.Exited, Text: "exited 3"}
	for _, c := range []struct {
		gone observe.Failure
		err  error
		want string
	}{{exited, nil, "exited 3"}, {observe.Failure{}, nil, "`false` exited 1"}, {exited, errEngine, "`false` exited 1"}} {
		a := Application{Exited: func(context.Context, string) (observe.Failure, error) { return c.gone, c.err }}
		cmd := target.Command{Argv: []string{"false"}}
		if got := a.commandFailure(t.Context(), cmd, observe.CommandResult{Code: 1}); got.Text != c.want {
			t.Errorf("%+v: %q, want %q", c, got.Text, c.want)
		}
	}
}
