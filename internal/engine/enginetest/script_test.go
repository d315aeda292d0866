package enginetest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/engine/enginetest"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// sealed is the profile of a user with plain mounts.
func sealed(uid int64, mounts ...string) profile.Profile {
	p := profile.Profile{User: profile.User{UID: uid, GID: uid}}
	for _, m := range mounts {
		p = p.WithMount(profile.Mount{Path: m, Kind: profile.Plain})
	}
	return p
}

// fake returns an engine that traces.
func fake(t *testing.T, archive string) *enginetest.Engine {
	t.Helper()
	e, _, err := enginetest.Parse(txtar.Parse([]byte(archive)))
	if err != nil {
		t.Fatal(err)
	}
	e.Traced = true
	return e
}

// run starts a container, which is removed when the test has ended.
func run(t *testing.T, e *enginetest.Engine, p profile.Profile) engine.Container {
	t.Helper()
	c, err := e.Start(t.Context(), target.Target{Image: "app", Grace: 5 * time.Second}, image.Facts{}, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Remove(context.Background()) })
	return c
}

// e2e runs an e2e command and returns its status.
func e2e(t *testing.T, c engine.Container) int {
	t.Helper()
	code, _, err := c.Exec(t.Context(), []string{"e2e"})
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func exit(t *testing.T, c engine.Container) *observe.Exit {
	t.Helper()
	st, err := c.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if st.Running {
		return nil
	}
	return &st.Exit
}

func logs(t *testing.T, c engine.Container) string {
	t.Helper()
	text, err := c.Logs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestReadinessDependsOnPath(t *testing.T) {
	const slow = `
-- app --
start writable /cache listen 8080
start after 8s listen 8080
start after 3s unless /cache log : slow
`
	synctest.Test(t, func(t *testing.T) {
		e := fake(t, slow)
		quick, late := run(t, e, sealed(1000, "/cache")), run(t, e, sealed(1000))
		ready := func(c engine.Container) bool {
			ports, err := c.Listening(t.Context())
			return err == nil && slices.Equal(ports, []int{8080})
		}
		if !ready(quick) || ready(late) {
			t.Errorf("at the start: with the mount %v, without %v", ready(quick), ready(late))
		}
		time.Sleep(8*time.Second - 1)
		synctest.Wait()
		if ready(late) {
			t.Error("ready before 8 s without the mount")
		}
		if logs(t, quick) != "" || logs(t, late) != "slow\n" {
			t.Errorf("logs %q and %q", logs(t, quick), logs(t, late))
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if !ready(late) {
			t.Error("not ready after 8 s without the mount")
		}
	})
}

func TestKillsOfOneRun(t *testing.T) {
	const killed = `
-- app --
start after 1s in-run 2 kill
e2e in-run 3 oom
start in-run 4 exit 7
start in-run 5 break-engine
e2e in-run 6 break-engine
`
	synctest.Test(t, func(t *testing.T) {
		e := fake(t, killed)
		var all []engine.Container
		for range 4 {
			all = append(all, run(t, e, sealed(1000)))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		for i, want := range []*observe.Exit{nil, {Code: 137}, {Code: 137, OOMKilled: true}, {Code: 7}} {
			e2e(t, all[i])
			if got := exit(t, all[i]); (got == nil) != (want == nil) || got != nil && *got != *want {
				t.Errorf("run %d ended with %+v, want %+v", i+1, got, want)
			}
		}
		if _, err := e.Start(t.Context(), target.Target{}, image.Facts{}, sealed(1000)); !errors.Is(err, enginetest.ErrBroken) {
			t.Errorf("start 5: error %v", err)
		}
		c := run(t, e, sealed(1000))
		_, _, err := c.Exec(t.Context(), []string{"e2e"})
		_, err2 := c.State(t.Context())
		if !errors.Is(err, enginetest.ErrBroken) || !errors.Is(err2, enginetest.ErrBroken) || c.Remove(t.Context()) != nil {
			t.Errorf("run 6: errors %v, %v", err, err2)
		}
	})
}

// TestChanceIsRepeatable shows that a probability is kept, and that neither the order of runs nor the trace of another
// profile changes what a run draws.
func TestChanceIsRepeatable(t *testing.T) {
	const flaky = `
-- app --
e2e chance 0.3 fail
`
	results := func(order []int64) map[int64][]int {
		e, out := fake(t, flaky), map[int64][]int{}
		e.Seed = 42
		for _, uid := range order {
			c := run(t, e, sealed(uid))
			out[uid] = append(out[uid], e2e(t, c), e2e(t, c))
		}
		return out
	}
	forward := results([]int64{1, 1, 2, 2, 3})
	if mixed := results([]int64{3, 2, 1, 2, 1}); len(mixed) != 3 ||
		!slices.Equal(forward[1], mixed[1]) || !slices.Equal(forward[2], mixed[2]) || !slices.Equal(forward[3], mixed[3]) {
		t.Errorf("%v in one order, %v in another", forward, mixed)
	}
	e, failed := fake(t, flaky), 0
	for range 1000 {
		failed += e2e(t, run(t, e, sealed(1)))
	}
	if failed < 250 || failed > 350 {
		t.Errorf("%d of 1000 failed, want about 300", failed)
	}
}

func TestRaceWithTheStop(t *testing.T) {
	e := fake(t, `
-- app --
e2e|stop write /data/saved
`)
	phases := map[observe.Phase]int{}
	for range 100 {
		c := run(t, e, sealed(1000, "/data"))
		c.Phase(observe.E2E)
		e2e(t, c)
		c.Phase(observe.Stop)
		if _, err := c.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		writes, _ := c.Writes()
		if len(writes) != 1 {
			t.Fatalf("writes %v, want one", writes)
		}
		phases[writes[0].Phase]++
	}
	if phases[observe.E2E] < 30 || phases[observe.Stop] < 30 {
		t.Errorf("phases %v, want both about equally often", phases)
	}
}

func TestOnce(t *testing.T) {
	e := fake(t, `
-- app --
e2e once /data/pushed fails
`)
	c := run(t, e, sealed(1000, "/data"))
	first, second := e2e(t, c), e2e(t, c)
	if err := c.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept := e2e(t, c)
	if err := c.Restart(t.Context(), "/data"); err != nil {
		t.Fatal(err)
	}
	if fresh := e2e(t, c); first != 0 || second != 1 || kept != 1 || fresh != 0 {
		t.Errorf("exit codes %d, %d, after a restart %d, after one with fresh mounts %d", first, second, kept, fresh)
	}
	if text := logs(t, c); !strings.Contains(text, "app: once /data/pushed: File exists\n") {
		t.Errorf("logs %q", text)
	}
}

func TestAsAnotherUser(t *testing.T) {
	const login = `
-- image --
d 0755 33:33 /srv
-- app --
e2e as 33:33 write /srv/session fails
`
	e := fake(t, login)
	writable := func(uid int64) profile.Profile {
		p := sealed(uid)
		p.WritableRoot = true
		return p
	}
	root, sealedRoot := run(t, e, profile.Unrestricted()), run(t, e, writable(0))
	same, other := run(t, e, writable(33)), run(t, e, writable(34))
	for _, c := range []struct {
		name string
		c    engine.Container
		want int
	}{{"root", root, 0}, {"root without capabilities", sealedRoot, 1}, {"the same user", same, 0}, {"another user", other, 1}} {
		if got := e2e(t, c.c); got != c.want {
			t.Errorf("%s: exit code %d, want %d: %s", c.name, got, c.want, logs(t, c.c))
		}
	}
	writes, _ := root.Writes()
	if len(writes) != 1 || writes[0].UID != 33 || writes[0].GID != 33 {
		t.Errorf("writes %+v", writes)
	}
	if procs, err := root.Processes(t.Context()); err != nil || len(procs) != 1 || procs[0].UID != 0 {
		t.Errorf("processes afterwards %+v, %v", procs, err)
	}
}

func TestOwnershipWithoutWrite(t *testing.T) {
	const tree = `
-- image --
d 0755 0:0 /of-root
d 0700 1000:1000 /of-user
-- app --
e2e `
	for check, want := range map[string]bool{
		"owned /of-root": false, "owned /of-user": true, "trusted /of-root": true, "trusted /of-user": true,
		"private /of-root": false, "private /of-user": true,
	} {
		e := fake(t, tree+check+" fails : dubious ownership of '%s'\n")
		c := run(t, e, sealed(1000))
		if got := e2e(t, c) == 0; got != want {
			t.Errorf("%s: %v, want %v", check, got, want)
		}
		if writes, _ := c.Writes(); len(writes) != 0 {
			t.Errorf("%s: writes %v", check, writes)
		}
		_, path, _ := strings.Cut(check, " ")
		if text := logs(t, c); !want && text != "dubious ownership of '"+path+"'\n" {
			t.Errorf("%s: logs %q", check, text)
		}
	}
}

func TestStop(t *testing.T) {
	for script, want := range map[string]observe.Exit{
		"start listen 8080": {Code: 0}, "stop exit 3": {Code: 3}, "stop hang": {Code: 137}, "start exit 5": {Code: 5},
		"stop write /x": {Code: 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, began := run(t, fake(t, "-- app --\n"+script+"\n"), sealed(0)), time.Now()
			got, err := c.Stop(t.Context())
			if err != nil || got != want {
				t.Errorf("%s: %+v, %v, want %+v", script, got, err, want)
			}
			if took, hangs := time.Since(began), script == "stop hang"; hangs != (took == 5*time.Second) {
				t.Errorf("%s: took %s", script, took)
			}
		})
	}
}
