package enginetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
)

// observationContracts returns the contracts about what a container shows.
func observationContracts() []contract {
	traces := func(c engine.Capabilities) bool { return c.Traces }
	return []contract{
		{
			name: "Changes", archive: "-- image --\nf 0644 0:0 /etc/conf\nf 0644 0:0 /etc/old\nd 0755 0:0 /made\n-- config --\nvolume /vol\n-- app --\n" +
				"start write /etc/conf\nstart remove /etc/old\nstart write /made/file\nstart mkdir /new\nstart write /vol/file\nstart temp /made/temp\nstart log : ready\ne2e write /later\n",
			needs: inspects, check: checkChanges,
		},
		{name: "Exec", archive: "-- app --\nstart log : ready\ne2e log : hello\ne2e write /data/file fails\n", check: checkExec},
		{name: "Processes", archive: "-- app --\nstart log : ready\n", needs: inspects, check: checkProcesses},
		{name: "Listening", archive: "-- app --\nstart listen 8080\nstart listen 9090\nstart log : ready\n", check: checkListening},
		{name: "Connections", archive: "-- app --\nstart connect 192.0.2.7:9125\nstart log : ready\n", check: checkConnections},
		{name: "Usage", archive: "-- app --\nstart write /data/file\nstart log : ready\n", check: checkUsage},
		{name: "Writes", archive: "-- app --\nstart write /data/start\nstart write /refused tolerated\nstart log : ready\ne2e temp /data/e2e\nstop write /data/stop\n", needs: traces, check: checkWrites},
		{name: "DeniedPorts", archive: "-- app --\nstart listen 80 tolerated\nstart log : ready\n", needs: traces, check: checkDeniedPorts},
		{name: "Untraced", archive: "-- app --\nstart write /data/file\nstart log : ready\n", check: checkUntraced},
	}
}

func inspects(c engine.Capabilities) bool { return c.Inspects }

func checkChanges(b *bench) {
	c := b.ready(profile.Unrestricted())
	b.wantChanges(c, "C /etc", "C /etc/conf", "D /etc/old", "C /made", "A /made/file", "A /new dir")
	b.wantExec(c, 0)
	if _, err := c.Stop(b.Context()); err != nil {
		b.Fatalf("Stop: %v", err)
	}
	b.wantChanges(c, "C /etc", "C /etc/conf", "D /etc/old", "A /later", "C /made", "A /made/file", "A /new dir")
}

// wantChanges makes sure of the changes, in any order.
func (b *bench) wantChanges(c engine.Container, want ...string) {
	b.Helper()
	changes, err := c.Changes(b.Context())
	if err != nil {
		b.Fatalf("Changes: %v", err)
	}
	var got []string
	for _, ch := range changes {
		line := fmt.Sprintf("%s %s", ch.Kind, ch.Path)
		if ch.Dir {
			line += " dir"
		}
		if ch.Phase != "" {
			b.Errorf("Changes: %s has the phase %s, want none", line, ch.Phase)
		}
		got = append(got, line)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		b.Errorf("Changes: %q, want %q", got, want)
	}
}

func checkExec(b *bench) {
	c := b.ready(user(plain("/data")))
	b.wantExec(c, 0)
	if code, _, err := c.ExecDefault(b.Context(), e2eCommand()); err != nil || code != 0 {
		b.Errorf("ExecDefault: %d, %v", code, err)
	}
	b.wantExec(b.ready(user()), 1)
}

func checkProcesses(b *bench) {
	procs, err := b.ready(user()).Processes(b.Context())
	if err != nil || len(procs) != 1 || !procs[0].Main || procs[0].UID != 1000 || procs[0].GID != 2000 || procs[0].Command != "app" {
		b.Errorf("Processes: %+v, %v", procs, err)
	}
}

func checkListening(b *bench) {
	ports, err := b.ready(user()).Listening(b.Context())
	if errors.Is(err, engine.ErrCannotInspect) {
		return
	}
	if err != nil || !slices.Equal(ports, []int{8080, 9090}) {
		b.Errorf("Listening: %v, %v", ports, err)
	}
}

func checkConnections(b *bench) {
	for _, untraced := range []bool{false, true} {
		t := b.target()
		t.Untraced = untraced
		c, err := b.e.Start(b.Context(), t, b.facts, user())
		if err != nil {
			b.Fatalf("Start: %v", err)
		}
		b.waitReady(c, 1)
		var found []observe.Connection
		b.eventually("the connection is not reported", func() bool {
			found, err = c.Connections(b.Context())
			return err != nil || len(found) > 0 && found[0].Outcome == observe.Allowed
		})
		switch {
		case errors.Is(err, engine.ErrCannotInspect):
		case err != nil || len(found) != 1 || found[0].Protocol != "udp" || found[0].Address != "192.0.2.7" || found[0].Port != 9125 || found[0].UID != 1000:
			b.Errorf("Connections, untraced %t: %+v, %v", untraced, found, err)
		case b.e.Capabilities().Traces && (found[0].Command == "app") == untraced:
			b.Errorf("Connections, untraced %t: the command is %q", untraced, found[0].Command)
		}
		if err := c.Remove(b.Context()); err != nil {
			b.Errorf("Remove: %v", err)
		}
	}
}

func checkUsage(b *bench) {
	usage, err := b.ready(user(plain("/data"), plain("/empty"))).Usage(b.Context())
	if errors.Is(err, engine.ErrCannotInspect) {
		return
	}
	if err != nil || len(usage) != 2 || usage[0].Path != "/data" || usage[0].Files != 1 || usage[0].Bytes == 0 ||
		usage[1] != (observe.Usage{Path: "/empty"}) {
		b.Errorf("Usage: %+v, %v", usage, err)
	}
}

func checkWrites(b *bench) {
	c := b.ready(user(plain("/data")))
	b.wantWrite(c, "/data/start", observe.Start, observe.Allowed)
	b.wantWrite(c, "/refused", observe.Start, observe.Denied)
	c.Phase(observe.E2E)
	b.wantExec(c, 0)
	b.wantWrite(c, "/data/e2e", observe.E2E, observe.Allowed)
	c.Phase(observe.Stop)
	if _, err := c.Stop(b.Context()); err != nil {
		b.Fatalf("Stop: %v", err)
	}
	b.wantWrite(c, "/data/stop", observe.Stop, observe.Allowed)
}

// wantWrite waits for a write of the user 1000:2000.
func (b *bench) wantWrite(c engine.Container, at string, phase observe.Phase, outcome observe.Outcome) {
	b.Helper()
	b.eventually(fmt.Sprintf("no %s write of %s in the phase %s", outcome, at, phase), func() bool {
		writes, trace := c.Writes()
		if !trace.On || trace.Lost != 0 {
			b.Fatalf("the trace is %+v", trace)
		}
		return slices.ContainsFunc(writes, func(w observe.Write) bool {
			return w.Path == at && w.Phase == phase && w.Outcome == outcome && w.UID == 1000 && w.GID == 2000 &&
				(w.Errno != "") == (outcome == observe.Denied)
		})
	})
}

func checkDeniedPorts(b *bench) {
	c := b.ready(user())
	b.eventually("port 80 was refused and is not reported", func() bool { return slices.Equal(c.DeniedPorts(), []int{80}) })
}

func checkUntraced(b *bench) {
	t := b.target()
	t.Untraced = true
	c, err := b.e.Start(b.Context(), t, b.facts, user(plain("/data")))
	if err != nil {
		b.Fatalf("Start: %v", err)
	}
	defer func() { _ = c.Remove(b.Context()) }()
	b.waitReady(c, 1)
	if writes, trace := c.Writes(); len(writes) != 0 || trace.On || strings.TrimSpace(trace.Note) == "" {
		b.Errorf("Writes: %v, %+v", writes, trace)
	}
}
