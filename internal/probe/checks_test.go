package probe

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/target"
)

// scriptedContainer is a container that answers what a case says.
type scriptedContainer struct {
	probed
	state     engine.State
	logs      string
	listenErr error
	execErr   error
	stateErr  error
}

func (c scriptedContainer) State(context.Context) (engine.State, error) { return c.state, c.stateErr }
func (c scriptedContainer) Logs(context.Context) (string, error)        { return c.logs, nil }

func (c scriptedContainer) Listening(ctx context.Context) ([]int, error) {
	if c.listenErr != nil {
		return nil, c.listenErr
	}
	return c.probed.Listening(ctx)
}

func (c scriptedContainer) Exec(ctx context.Context, argv []string) (int, string, error) {
	if c.execErr != nil {
		return 0, "", c.execErr
	}
	return c.probed.Exec(ctx, argv)
}

var errEngine = errors.New("engine is gone")

// TestChecks: which conditions are chosen, and what the first try of each misses.
func TestChecks(t *testing.T) {
	probes := []target.Probe{{Name: "p", TCP: 8}}
	job := target.Target{Completes: true, Ports: []int{8}}
	running := engine.State{Running: true}
	ended := engine.State{Running: true, Other: "container b exited 7"}
	pair := &target.Pod{After: []target.Member{{Name: "b", Target: target.Target{Ports: []int{9}}}}}
	for _, c := range []struct {
		name   string
		target target.Target
		c      scriptedContainer
		began  time.Duration // ago
		want   string        // joined by "; "
	}{
		{"a port", target.Target{Ports: []int{8, 9}}, scriptedContainer{}, 0, "nothing listens on port 8"},
		{"a port that listens", target.Target{Ports: []int{8, 9}}, scriptedContainer{probed: probed{listening: []int{9}}}, 0, "ready"},
		{"a port, and nothing can be inspected", target.Target{Ports: []int{8}}, scriptedContainer{probed: probed{blind: true}}, 0, "it has not run for 1s"},
		{"a port, and the engine fails", target.Target{Ports: []int{8}}, scriptedContainer{state: running, listenErr: errEngine}, 0, "error engine is gone"},
		{"a port, and the container has ended", target.Target{Ports: []int{8}}, scriptedContainer{listenErr: errEngine}, 0, "ready"},
		{"a port of a pod, in time", target.Target{Ports: []int{8}, Pod: &target.Pod{}}, scriptedContainer{}, siblingTime, "nothing listens on port 8"},
		{"a port of a pod, too late", target.Target{Ports: []int{8}, Pod: &target.Pod{}}, scriptedContainer{}, siblingTime + 1, "ready"},
		{"a port of another container", target.Target{Ports: []int{8}, Pod: pair}, scriptedContainer{state: running, probed: probed{listening: []int{8}}}, 0, "container b does not listen on port 9; ready"},
		{"a port of another container that has ended", target.Target{Ports: []int{8}, Pod: pair}, scriptedContainer{state: ended}, 0, "ready; ready"},
		{"a condition while another container has ended", target.Target{Ready: target.Ready{Log: "up"}, Pod: pair}, scriptedContainer{state: ended}, 0, "ready"},
		{"a condition while another container runs", target.Target{Ready: target.Ready{Log: "up"}, Pod: pair}, scriptedContainer{state: running}, 0, `no line of the logs matches "up"`},
		{"a condition, and the state is not to be read", target.Target{Ready: target.Ready{Log: "up"}, Pod: pair}, scriptedContainer{stateErr: errEngine}, 0, `no line of the logs matches "up"`},
		{"a port without a pod, late", target.Target{Ports: []int{8}}, scriptedContainer{}, time.Hour, "nothing listens on port 8"},
		{"nothing, at once", target.Target{}, scriptedContainer{}, settleTime - 1, "it has not run for 1s"},
		{"nothing, later", target.Target{}, scriptedContainer{}, settleTime, "ready"},
		{"a HEALTHCHECK", target.Target{Ports: []int{8}}, scriptedContainer{state: engine.State{Health: "starting"}}, 0, "its HEALTHCHECK says starting"},
		{"a HEALTHCHECK that holds", target.Target{}, scriptedContainer{state: engine.State{Health: "healthy"}}, 0, "ready"},
		{"a probe goes before a HEALTHCHECK", target.Target{Ready: target.Ready{Probes: probes}}, scriptedContainer{state: engine.State{Health: "starting"}}, 0, "the p fails: nothing listens on port 8"},
		{"a probe of another container leaves the HEALTHCHECK", target.Target{Ready: target.Ready{Probes: []target.Probe{{Name: "p", Of: "web", TCP: 8}}}}, scriptedContainer{state: engine.State{Health: "starting"}}, 0, "the p of web fails: nothing listens on port 8; its HEALTHCHECK says starting"},
		{"a job has nothing to wait for", job, scriptedContainer{state: engine.State{Health: "starting"}}, 0, ""},
		{"the state is not to be read", target.Target{}, scriptedContainer{stateErr: errEngine}, 0, "error reading the container's state: engine is gone"},
		{"a log line", target.Target{Ready: target.Ready{Log: "^up$", Probes: probes}}, scriptedContainer{logs: "old\ndown"}, 0, `no line of the logs matches "^up$"`},
		{"a log line of now", target.Target{Ready: target.Ready{Log: "up"}}, scriptedContainer{logs: "old\nup"}, 0, "ready"},
		{"a log line of an earlier start", target.Target{Ready: target.Ready{Log: "old"}}, scriptedContainer{logs: "old\nup"}, 0, `no line of the logs matches "old"`},
		{"a log pattern that is none", target.Target{Ready: target.Ready{Log: "("}}, scriptedContainer{}, 0, "error --ready-log: error parsing regexp: missing closing ): `(`"},
		{"a command", target.Target{Ready: target.Ready{Command: "false"}}, scriptedContainer{}, 0, "`false` exited 1"},
		{"a command that passes", target.Target{Ready: target.Ready{Command: "true"}}, scriptedContainer{}, 0, "ready"},
		{"a command in the container", target.Target{Ready: target.Ready{Exec: "inside"}}, scriptedContainer{}, 0, "`inside` exited 2"},
		{"a command in a container that has ended", target.Target{Ready: target.Ready{Exec: "broken"}}, scriptedContainer{}, 0, "ready"},
		{"a command that the engine cannot run", target.Target{Ready: target.Ready{Exec: "broken"}}, scriptedContainer{state: running}, 0, "error engine is gone"},
		{"a command that the host cannot run", target.Target{Ready: target.Ready{Command: "broken"}}, scriptedContainer{}, 0, "error engine is gone"},
		{"several conditions", target.Target{Ready: target.Ready{Command: "true", Log: "up", Exec: "inside"}}, scriptedContainer{}, 0, "ready; no line of the logs matches \"up\"; `inside` exited 2"},
		{"an exec probe in a container that has ended", target.Target{Ready: target.Ready{Probes: []target.Probe{{Name: "p", Argv: []string{"x"}}}}}, scriptedContainer{execErr: errEngine}, 0, "ready"},
		{"an exec probe that the engine cannot run", target.Target{Ready: target.Ready{Probes: []target.Probe{{Name: "p", Argv: []string{"x"}}}}}, scriptedContainer{state: running, execErr: errEngine}, 0, "error running the p: engine is gone"},
		{"a probe while the engine fails", target.Target{Ready: target.Ready{Probes: probes}}, scriptedContainer{state: running, listenErr: errEngine}, 0, "error engine is gone"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := Source{Target: c.target, Container: c.c, Began: time.Now().Add(-c.began), LogsBefore: "old\n", Command: command}
			if got := tryAll(t.Context(), s); got != c.want {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
		})
	}
}

// command runs no command, and knows the results of some: "inside" only in the container, "true" and "false" only on the host.
func command(_ context.Context, cmd target.Command) (int, error) {
	text := cmd.String()
	if text == "broken" {
		return 0, errEngine
	}
	results := map[string]int{"true": 0, "false": 1}
	if cmd.Inside {
		results = map[string]int{"inside": 2}
	}
	code, known := results[text]
	if !known {
		code = 127
	}
	return code, nil
}

// tryAll tries each check once.
func tryAll(ctx context.Context, s Source) string {
	checks, err := Checks(ctx, s)
	if err != nil {
		return "error " + err.Error()
	}
	var out []string
	for _, check := range checks {
		missing, err := check(ctx)
		switch {
		case err != nil:
			missing = "error " + err.Error()
		case missing == "":
			missing = "ready"
		}
		out = append(out, missing)
	}
	return strings.Join(out, "; ")
}

func TestUnlessEnded(t *testing.T) {
	for _, c := range []struct {
		name      string
		c         scriptedContainer
		completes bool
		want      error
	}{
		{"it runs", scriptedContainer{state: engine.State{Running: true}}, false, errEngine},
		{"it has ended", scriptedContainer{}, false, nil},
		{"it has ended, as it should", scriptedContainer{}, true, errEngine},
		{"another container has ended", scriptedContainer{state: engine.State{Running: true, Other: "db"}}, false, nil},
		{"the state cannot be read", scriptedContainer{stateErr: errEngine}, false, errEngine},
	} {
		if got := UnlessEnded(t.Context(), c.c, c.completes, errEngine); !errors.Is(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestWait: a wait repeats the checks until all hold, and returns what the last complete try missed.
func TestWait(t *testing.T) {
	passAfter := func(n int) Check {
		return func(context.Context) (string, error) {
			if n--; n < 0 {
				return "", nil
			}
			return strconv.Itoa(n), nil
		}
	}
	untilEnd := func(ctx context.Context) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	}
	fails := func(context.Context) (string, error) { return "", errEngine }
	for _, c := range []struct {
		name    string
		checks  []Check
		missing string
		err     error
		took    time.Duration
	}{
		{"no checks", nil, "", nil, 0},
		{"all hold", []Check{passAfter(0), passAfter(0)}, "", nil, 0},
		{"pauses double", []Check{passAfter(3)}, "", nil, 70 * time.Millisecond},
		{"pauses are bounded", []Check{passAfter(6)}, "", nil, 350 * time.Millisecond},
		{"the engine fails", []Check{passAfter(1), fails}, "", errEngine, 10 * time.Millisecond},
		{"nothing has answered", []Check{untilEnd}, "no readiness check has answered", nil, time.Second},
		{"the last complete try counts", []Check{passAfter(2), untilEnd}, "0", nil, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			missing, err := Wait(ctx, c.checks)
			if missing != c.missing || !errors.Is(err, c.err) || time.Since(began) != c.took {
				t.Errorf("%s: %q, %v after %s; want %q, %v after %s", c.name, missing, err, time.Since(began), c.missing, c.err, c.took)
			}
		})
	}
}

// TestReadyHTTP: any answer below 400 will do, and no redirect is followed.
func TestReadyHTTP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		w.Header().Set("Location", "/500")
		w.WriteHeader(code)
	}))
	defer server.Close()
	c := scriptedContainer{probed: probed{ports: map[int]int{80: portOf(t, server.Listener.Addr())}}}
	for path, want := range map[string]string{"200": "ready", "/302": "ready", "399": "ready", "/400": "GET /400 answers 400 Bad Request"} {
		tgt := target.Target{Ports: []int{80}, Ready: target.Ready{HTTP: path}}
		if got := tryAll(t.Context(), Source{Target: tgt, Container: c}); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	tgt := target.Target{Ready: target.Ready{HTTP: "/200"}}
	if got := tryAll(t.Context(), Source{Target: tgt, Container: c}); got != "no answer to GET /200" {
		t.Errorf("without a port: %q", got)
	}
}

func TestPorts(t *testing.T) {
	for _, c := range []struct {
		target target.Target
		want   string
	}{
		{target.Target{}, "http://127.0.0.1:0"},
		{target.Target{Ports: []int{1}}, "http://127.0.0.1:11"},
		{target.Target{Ports: []int{1}, Pod: &target.Pod{}}, "http://127.0.0.1:11"},
		{target.Target{Ports: []int{1}, Pod: &target.Pod{Ports: []int{2}}}, "http://127.0.0.1:12"},
	} {
		if got := URL(c.target, probed{ports: map[int]int{1: 11, 2: 12}}); got != c.want {
			t.Errorf("%+v: %s, want %s", c.target, got, c.want)
		}
	}
}
