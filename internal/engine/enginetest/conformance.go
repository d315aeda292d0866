package enginetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// Program is the package of the command that executes a script for real.
const Program = "github.com/podseal/podseal/internal/engine/enginetest/testdata/app"

// Factory returns an engine that has the image of a case, and the reference of the image there. The factory registers
// their removal with t.Cleanup. The image is the tree of the case, with Program as /app and entrypoint, and with
// Case.Source in the environment variable SCRIPT. Where the tree has /bin/sh, the programs in /bin are real ones. Several tests call the factory at the same time.
type Factory func(t *testing.T, c Case) (e engine.Engine, ref string)

// Run tests whether an implementation keeps the contract of engine.Engine and engine.Container. It skips the tests of
// capabilities that the engine lacks.
func Run(t *testing.T, factory Factory) {
	for _, c := range slices.Concat(lifecycleContracts(), profileContracts(), mountContracts(), observationContracts()) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, parsed, err := Parse(txtar.Parse([]byte(c.archive)))
			if err != nil {
				t.Fatal(err)
			}
			e, ref := factory(t, parsed)
			if c.needs != nil && !c.needs(e.Capabilities()) {
				t.Skip("the engine says that it cannot do this")
			}
			b := &bench{T: t, e: e}
			if b.facts, err = e.Image(t.Context(), ref, ""); err != nil {
				t.Fatalf("Image: %v", err)
			}
			c.check(b)
		})
	}
}

// contract is one test: a case, and what must hold of it.
type contract struct {
	name    string
	archive string
	needs   func(engine.Capabilities) bool // nil means no capability
	check   func(*bench)
}

// bench is what a contract works with.
type bench struct {
	*testing.T
	e     engine.Engine
	facts image.Facts
}

// e2eCommand returns the e2e command of an image that executes a script.
func e2eCommand() []string { return []string{"/app", "e2e"} }

// user returns the profile of the user 1000:2000 with mounts.
func user(mounts ...profile.Mount) profile.Profile {
	p := profile.Profile{User: profile.User{UID: 1000, GID: 2000}}
	for _, m := range mounts {
		p = p.WithMount(m)
	}
	return p
}

func plain(at string) profile.Mount { return profile.Mount{Path: at, Kind: profile.Plain} }

// target returns the target that runs the image of the case.
func (b *bench) target() target.Target { return target.Target{Image: b.facts.Ref, Grace: time.Second} }

// start starts a container, which is removed after the test.
func (b *bench) start(p profile.Profile) engine.Container {
	b.Helper()
	c, err := b.e.Start(b.Context(), b.target(), b.facts, p)
	if err != nil {
		b.Fatalf("Start: %v", err)
	}
	b.Cleanup(func() {
		if err := c.Remove(context.Background()); err != nil {
			b.Errorf("Remove: %v", err)
		}
	})
	return c
}

// ready starts a container and waits for the line "ready" in its logs.
func (b *bench) ready(p profile.Profile) engine.Container {
	b.Helper()
	c := b.start(p)
	b.waitReady(c, 1)
	return c
}

// waitReady waits until the line "ready" is in the logs n times.
func (b *bench) waitReady(c engine.Container, n int) {
	b.Helper()
	b.eventually("the logs have no line ready", func() bool {
		found := 0
		for l := range strings.Lines(b.logs(c)) {
			if strings.TrimSpace(l) == "ready" {
				found++
			}
		}
		return found >= n
	})
}

// eventually waits until a condition holds: an engine may learn of an event a moment after it happened.
func (b *bench) eventually(otherwise string, holds func() bool) {
	b.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatal(otherwise)
		}
	}
}

func (b *bench) logs(c engine.Container) string {
	b.Helper()
	text, err := c.Logs(b.Context())
	if err != nil {
		b.Fatalf("Logs: %v", err)
	}
	return text
}

// wantLogs makes sure that the logs are the given lines.
func (b *bench) wantLogs(c engine.Container, lines ...string) {
	b.Helper()
	if got, want := strings.TrimSpace(b.logs(c)), strings.Join(lines, "\n"); got != want {
		b.Errorf("logs:\n%s\nwant:\n%s", got, want)
	}
}

// wantExec runs an e2e command and makes sure of its exit code.
func (b *bench) wantExec(c engine.Container, want int) (output string) {
	b.Helper()
	code, output, err := c.Exec(b.Context(), e2eCommand())
	if err != nil || code != want {
		b.Errorf("Exec: exit code %d, %v, want %d: %s", code, err, want, output)
	}
	return output
}

// wantExit makes sure that a container has ended with a code.
func (b *bench) wantExit(c engine.Container, want int) {
	b.Helper()
	st, err := c.State(b.Context())
	if err != nil || st.Running || st.Exit.Code != want {
		b.Errorf("State: %+v, %v, want exit code %d", st, err, want)
	}
}

func (b *bench) wantCanceled(call string, err error) {
	b.Helper()
	if !errors.Is(err, context.Canceled) {
		b.Errorf("%s with an ended context: error %v, want context.Canceled", call, err)
	}
}
