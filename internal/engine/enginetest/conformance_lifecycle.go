package enginetest

import (
	"context"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/profile"
)

// lifecycleContracts returns the contracts about start, end, restart and removal.
func lifecycleContracts() []contract {
	return []contract{
		{name: "Runs", archive: "-- app --\nstart log : ready\n", check: checkRuns},
		{name: "ExitAtOnce", archive: "-- app --\nstart log : bye\nstart exit 7\n", check: checkExitAtOnce},
		{name: "Stop", archive: "-- app --\nstart log : ready\nstop log : bye\nstop exit 3\n", check: checkStop},
		{name: "Grace", archive: "-- app --\nstart log : ready\nstop hang\n", check: checkGrace},
		{name: "Restart", archive: "-- app --\nstart log : ready\ne2e once /kept/file fails\n", needs: func(c engine.Capabilities) bool { return c.Restarts && c.Inspects }, check: checkRestart},
		{name: "RestartKeeps", archive: "-- app --\nstart log : ready\ne2e once /kept/file fails\n", needs: restarts, check: checkRestartKeeps},
		{name: "RestartOpen", archive: "-- app --\nstart log : ready\ne2e once /file fails\n", needs: restarts, check: checkRestartOpen},
		{name: "RestartAfterExit", archive: "-- app --\nstart once /kept/file\nstart exit 3\n", needs: restarts, check: checkRestartAfterExit},
		{name: "Remove", archive: "-- app --\nstart log : ready\n", check: checkRemove},
		{name: "EndedContext", archive: "-- app --\nstart log : ready\n", check: checkEndedContext},
		{name: "Prewarm", archive: "-- app --\nstart write /a/file tolerated\nstart write /b/file tolerated\nstart log : ready\n", check: checkPrewarm},
	}
}

func restarts(c engine.Capabilities) bool { return c.Restarts }

func checkRuns(b *bench) {
	c := b.ready(user())
	if st, err := c.State(b.Context()); err != nil || !st.Running || st.Health != "" || st.Other != "" {
		b.Errorf("State: %+v, %v", st, err)
	}
	if c.ID() == "" {
		b.Error("no ID")
	}
	ctx, cancel := context.WithTimeout(b.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Wait(ctx); err == nil {
		b.Error("Wait returns while the container runs")
	}
}

func checkExitAtOnce(b *bench) {
	for _, p := range []profile.Profile{profile.Unrestricted(), user()} {
		c := b.start(p)
		if err := c.Wait(b.Context()); err != nil {
			b.Errorf("Wait: %v", err)
		}
		b.wantExit(c, 7)
		b.wantLogs(c, "bye")
		time.Sleep(2 * time.Second) // a kubelet starts it again meanwhile
		if code, _, err := c.Exec(b.Context(), e2eCommand()); err == nil && code == 0 {
			b.Error("Exec succeeds in a container that has ended")
		}
		if exit, err := c.Stop(b.Context()); err != nil || exit.Code != 7 {
			b.Errorf("Stop: %+v, %v", exit, err)
		}
		if _, err := c.Changes(b.Context()); err != nil {
			b.Errorf("Changes: %v", err)
		}
	}
}

func checkStop(b *bench) {
	c := b.ready(user())
	exit, err := c.Stop(b.Context())
	if err != nil || exit.Code != 3 || exit.OOMKilled {
		b.Errorf("Stop: %+v, %v, want exit code 3", exit, err)
	}
	b.wantExit(c, 3)
	b.wantLogs(c, "ready", "bye")
	if err := c.Wait(b.Context()); err != nil {
		b.Errorf("Wait: %v", err)
	}
	if again, err := c.Stop(b.Context()); err != nil || again.Code != 3 {
		b.Errorf("the second Stop: %+v, %v", again, err)
	}
}

func checkGrace(b *bench) {
	c := b.ready(user())
	began := time.Now()
	if exit, err := c.Stop(b.Context()); err != nil || exit.Code != sigkilled {
		b.Errorf("Stop: %+v, %v, want exit code %d", exit, err, sigkilled)
	}
	if took := time.Since(began); took < b.target().Grace {
		b.Errorf("killed after %s, before the grace period ended", took)
	}
}

func checkRestart(b *bench) {
	c := b.ready(user(plain("/kept"), plain("/other")))
	b.wantExec(c, 0)
	b.wantExec(c, 1)
	if err := c.Restart(b.Context()); err != nil {
		b.Fatalf("Restart: %v", err)
	}
	b.waitReady(c, 2)
	b.wantExec(c, 1)
	if err := c.Restart(b.Context(), "/other"); err != nil {
		b.Fatalf("Restart with another fresh mount: %v", err)
	}
	b.waitReady(c, 3)
	b.wantExec(c, 1)
	if err := c.Restart(b.Context(), "/kept"); err != nil {
		b.Fatalf("Restart with a fresh mount: %v", err)
	}
	b.waitReady(c, 4)
	b.wantExec(c, 0)
}

func checkRestartKeeps(b *bench) {
	c := b.ready(user(plain("/kept")))
	b.wantExec(c, 0)
	for starts := 2; starts <= 3; starts++ {
		if err := c.Restart(b.Context()); err != nil {
			b.Fatalf("Restart: %v", err)
		}
		b.waitReady(c, starts)
		b.wantExec(c, 1)
	}
}

func checkRestartOpen(b *bench) {
	c := b.ready(profile.Unrestricted())
	b.wantExec(c, 0)
	if err := c.Restart(b.Context()); err != nil {
		b.Fatalf("Restart: %v", err)
	}
	b.waitReady(c, 2)
	if b.e.Capabilities().NewRoot {
		b.wantExec(c, 0)
		return
	}
	b.wantExec(c, 1)
}

func checkRestartAfterExit(b *bench) {
	c := b.start(user(plain("/kept")))
	if err := c.Wait(b.Context()); err != nil {
		b.Fatalf("Wait: %v", err)
	}
	b.wantExit(c, 3)
	if err := c.Restart(b.Context()); err != nil {
		b.Fatalf("Restart: %v", err)
	}
	if err := c.Wait(b.Context()); err != nil {
		b.Fatalf("Wait after the restart: %v", err)
	}
	b.wantExit(c, 1) // the file exists
}

func checkRemove(b *bench) {
	c := b.ready(user(plain("/data")))
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	for _, when := range []string{"with an ended context", "again"} {
		if err := c.Remove(ctx); err != nil {
			b.Errorf("Remove %s: %v", when, err)
		}
	}
}

func checkEndedContext(b *bench) {
	c := b.ready(user(plain("/data")))
	ctx, cancel := context.WithCancel(b.Context())
	waited := make(chan error)
	go func() { waited <- c.Wait(ctx) }()
	cancel()
	b.wantCanceled("Wait", <-waited)
	_, err := c.State(ctx)
	b.wantCanceled("State", err)
	_, err = c.Changes(ctx)
	b.wantCanceled("Changes", err)
	_, err = c.Processes(ctx)
	b.wantCanceled("Processes", err)
	_, err = c.Logs(ctx)
	b.wantCanceled("Logs", err)
	_, _, err = c.Exec(ctx, e2eCommand())
	b.wantCanceled("Exec", err)
	_, _, err = c.ExecDefault(ctx, e2eCommand())
	b.wantCanceled("ExecDefault", err)
	_, err = c.Connections(ctx)
	b.wantCanceled("Connections", err)
	_, err = c.Usage(ctx)
	b.wantCanceled("Usage", err)
	b.wantCanceled("Restart", c.Restart(ctx))
	_, err = c.Stop(ctx)
	b.wantCanceled("Stop", err)
	_, err = b.e.Start(ctx, b.target(), b.facts, user())
	b.wantCanceled("Start", err)
}

func checkPrewarm(b *bench) {
	b.e.Prewarm(b.Context(), b.facts, user(plain("/a")))
	b.wantLogs(b.ready(user(plain("/b"))), "app: write /a/file: No such file or directory", "ready")
	b.wantLogs(b.ready(user(plain("/a"))), "app: write /b/file: No such file or directory", "ready")
	b.wantLogs(b.ready(user(plain("/a"), plain("/b"))), "ready")
}
