// Package probe decides whether an application is ready: by the conditions that the user gave, the probes of its pod, the
// image's HEALTHCHECK, or what it listens on. It makes the requests that a kubelet makes.
package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/target"
)

const (
	// probeTime is the shortest timeout of one try, whatever the pod says: this machine may be slower than a node, and a
	// command through an engine is slower than one through a kubelet.
	probeTime = 5 * time.Second
	// siblingTime is how long a container of the pod without a probe may take until it listens. A declared port may never
	// be used, so the run continues then.
	siblingTime = 15 * time.Second
	// settleTime is how long an application without ports and checks must run to count as ready.
	settleTime = time.Second
)

// Container is what a readiness check needs of a running container; engine.Container has it all.
type Container interface {
	Host() string
	Ports() map[int]int // container port to published port
	State(ctx context.Context) (engine.State, error)
	Listening(ctx context.Context) ([]int, error)
	Logs(ctx context.Context) (string, error)
	Exec(ctx context.Context, argv []string) (code int, output string, err error)
	ExecDefault(ctx context.Context, argv []string) (code int, output string, err error)
}

// Source is what checks are made from.
type Source struct {
	Target    target.Target
	Container Container
	Began     time.Time // of this start
	// LogsBefore are the logs of earlier starts: a line in them does not show that the application is ready again.
	LogsBefore string
	// Command runs a command of the user on the host or in the container.
	Command func(ctx context.Context, cmd target.Command) (code int, err error)
}

// Check reports in a few words what is missing until the application is ready, or "". An error is one of the engine.
type Check func(ctx context.Context) (missing string, err error)

// probed reports whether the target itself has a probe.
func (s Source) probed() bool {
	return slices.ContainsFunc(s.Target.Ready.Probes, func(p target.Probe) bool { return p.Of == "" })
}

// podChecks returns the checks of the pod: its probes, and that its other containers listen where they have none.
func (s Source) podChecks() []Check {
	var out []Check
	probed := map[string]bool{}
	for _, p := range s.Target.Ready.Probes {
		probed[p.Of] = true
		out = append(out, s.probeCheck(p))
	}
	if s.Target.Pod == nil {
		return out
	}
	for _, m := range slices.Concat(s.Target.Pod.Before, s.Target.Pod.After) {
		if len(m.Target.Ports) > 0 && m.Kind != target.Init && !m.Target.Completes && !probed[m.Name] {
			out = append(out, s.siblingCheck(m.Name, m.Target.Ports[0]))
		}
	}
	return out
}

// siblingCheck waits for another container of the pod, up to siblingTime. The containers share a network.
func (s Source) siblingCheck(name string, port int) Check {
	return func(ctx context.Context) (string, error) {
		if time.Since(s.Began) > siblingTime {
			return "", nil
		}
		listening, err := s.listening(ctx, port)
		if err != nil || listening {
			return "", err
		}
		return fmt.Sprintf("container %s does not listen on port %d", name, port), nil
	}
}

// listening reports whether something in the container listens on a port. A published port accepts connections even when
// nothing does. Where the engine cannot inspect a container, listening returns true.
func (s Source) listening(ctx context.Context, port int) (bool, error) {
	ports, err := s.Container.Listening(ctx)
	switch {
	case errors.Is(err, engine.ErrCannotInspect):
		return true, nil
	case err != nil:
		return false, s.unlessEnded(ctx, err)
	}
	return slices.Contains(ports, port), nil
}

// unlessEnded returns nil for an error that only shows that the container, or another one of its pod, has ended. A target
// that completes has ended well when other containers are asked.
func (s Source) unlessEnded(ctx context.Context, err error) error {
	return UnlessEnded(ctx, s.Container, s.Target.Completes, err)
}

// Stater reports the state of a container.
type Stater interface {
	State(ctx context.Context) (engine.State, error)
}

// UnlessEnded returns err, or nil where the container or another one of its pod has ended: then the error says nothing
// about the engine. completes is set for a container that is meant to end.
func UnlessEnded(ctx context.Context, c Stater, completes bool, err error) error {
	st, stateErr := c.State(ctx)
	if stateErr == nil && (st.Other != "" || !st.Running && !completes) {
		return nil
	}
	return err
}

// probeCheck tries a probe of the pod once.
func (s Source) probeCheck(p target.Probe) Check {
	name := p.Name
	if p.Of != "" {
		name += " of " + p.Of
	}
	return func(ctx context.Context) (string, error) {
		try, cancel := context.WithTimeout(ctx, max(p.Timeout, probeTime))
		defer cancel()
		missing, err := s.probe(try, p)
		switch {
		case ctx.Err() != nil: // an interrupted try says less than the one before it
			return "", ctx.Err()
		case try.Err() != nil && err != nil:
			missing, err = "no answer in time", nil
		}
		if missing != "" {
			missing = "the " + name + " fails: " + missing
		}
		return missing, err
	}
}

func (s Source) probe(ctx context.Context, p target.Probe) (missing string, err error) {
	if len(p.Argv) > 0 {
		return s.probeExec(ctx, p)
	}
	port := p.TCP + p.GRPC
	if p.HTTP != nil {
		port = p.HTTP.Port
	}
	if listening, err := s.listening(ctx, port); err != nil || !listening {
		return fmt.Sprintf("nothing listens on port %d", port), err
	}
	published, ok := s.Container.Ports()[port]
	if !ok {
		return fmt.Sprintf("port %d is not published: give it with --port", port), nil
	}
	at := net.JoinHostPort(s.Container.Host(), strconv.Itoa(published))
	switch {
	case p.HTTP != nil:
		return probeHTTP(ctx, at, *p.HTTP)
	case p.GRPC != 0:
		return GRPC(ctx, at, p.Service)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", at)
	if err != nil {
		return fmt.Sprintf("no connection to port %d", port), nil //nolint:nilerr // the check waits for an answer
	}
	return "", conn.Close()
}

func (s Source) probeExec(ctx context.Context, p target.Probe) (missing string, err error) {
	run := s.Container.Exec
	if p.Of != "" {
		run = s.Container.ExecDefault
	}
	code, out, err := run(ctx, p.Argv)
	switch {
	case err != nil:
		return "", s.unlessEnded(ctx, fmt.Errorf("running the %s: %w", p.Name, err))
	case code == 0:
		return "", nil
	}
	missing = fmt.Sprintf("`%s` exited %d", target.Command{Argv: p.Argv}, code)
	if last := lastLine(out); last != "" {
		missing += ": " + last
	}
	return missing, nil
}

// probeHTTP accepts a status from 200 to 399, as a kubelet does.
func probeHTTP(ctx context.Context, at string, g target.HTTPGet) (missing string, err error) {
	resp, err := Get(ctx, at, g, true)
	if err != nil {
		return "no answer to GET " + g.Path, nil //nolint:nilerr // the check waits for an answer
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode >= 400 {
		return fmt.Sprintf("GET %s answers %s", g.Path, resp.Status), nil
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 10<<10) // as much as a kubelet reads, so that no server sees a broken pipe
	return "", nil
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
