package seal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/probe"
	"github.com/podseal/podseal/internal/target"
)

const (
	// probeTime is the least that a try may take, whatever the pod says: this machine is slower than a node, and a
	// command through an engine slower than one through a kubelet.
	probeTime = 5 * time.Second
	// besideTime is how long a container of the pod without a probe may take until it listens. A port that is declared
	// may never be used, so the run goes on then.
	besideTime = 15 * time.Second
)

// probed tells whether the target has a probe of its own.
func (r *oneRun) probed() bool {
	return slices.ContainsFunc(r.target.Ready.Probes, func(p target.Probe) bool { return p.Of == "" })
}

// podChecks are the probes of the pod, and that its other containers listen where they have none.
func (r *oneRun) podChecks() []check {
	var out []check
	probed := map[string]bool{}
	for _, p := range r.target.Ready.Probes {
		probed[p.Of] = true
		out = append(out, r.probeCheck(p))
	}
	if r.target.Pod == nil {
		return out
	}
	for _, m := range slices.Concat(r.target.Pod.Before, r.target.Pod.After) {
		if len(m.Target.Ports) > 0 && m.Kind != target.Init && !m.Target.Completes && !probed[m.Name] {
			out = append(out, r.besideCheck(m.Name, m.Target.Ports[0]))
		}
	}
	return out
}

// besideCheck waits for another container of the pod, for some time. The containers share a network.
func (r *oneRun) besideCheck(name string, port int) check {
	return func(ctx context.Context) (string, error) {
		if time.Since(r.began) > besideTime {
			return "", nil
		}
		listening, err := r.listening(ctx, port)
		if err != nil || listening {
			return "", err
		}
		return fmt.Sprintf("container %s does not listen on port %d", name, port), nil
	}
}

// listening looks at what listens inside: a published port accepts connections even when nothing does. Where nobody can
// look, it is true.
func (r *oneRun) listening(ctx context.Context, port int) (bool, error) {
	ports, err := r.c.Listening(ctx)
	switch {
	case errors.Is(err, engine.ErrCannotLook):
		return true, nil
	case err != nil:
		return false, r.unlessGone(ctx, err)
	}
	return slices.Contains(ports, port), nil
}

// probeCheck makes one try of a probe.
func (r *oneRun) probeCheck(p target.Probe) check {
	name := p.Name
	if p.Of != "" {
		name += " of " + p.Of
	}
	return func(ctx context.Context) (string, error) {
		try, cancel := context.WithTimeout(ctx, max(p.Timeout, probeTime))
		defer cancel()
		missing, err := r.probe(try, p)
		switch {
		case ctx.Err() != nil: // a try that was broken off tells less than the one before it
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

func (r *oneRun) probe(ctx context.Context, p target.Probe) (missing string, err error) {
	if len(p.Argv) > 0 {
		return r.probeExec(ctx, p)
	}
	port := p.TCP + p.GRPC
	if p.HTTP != nil {
		port = p.HTTP.Port
	}
	if listening, err := r.listening(ctx, port); err != nil || !listening {
		return fmt.Sprintf("nothing listens on port %d", port), err
	}
	published, ok := r.c.Ports()[port]
	if !ok {
		return fmt.Sprintf("port %d is not published: give it with --port", port), nil
	}
	at := net.JoinHostPort(r.c.Host(), strconv.Itoa(published))
	switch {
	case p.HTTP != nil:
		return probeHTTP(ctx, at, *p.HTTP)
	case p.GRPC != 0:
		return probe.GRPC(ctx, at, p.Service)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", at)
	if err != nil {
		return fmt.Sprintf("no connection to port %d", port), nil //nolint:nilerr // no answer yet is what is waited for
	}
	return "", conn.Close()
}

func (r *oneRun) probeExec(ctx context.Context, p target.Probe) (missing string, err error) {
	run := r.c.Exec
	if p.Of != "" {
		run = r.c.ExecDefault
	}
	code, out, err := run(ctx, p.Argv)
	switch {
	case err != nil:
		return "", r.unlessGone(ctx, fmt.Errorf("running the %s: %w", p.Name, err))
	case code == 0:
		return "", nil
	}
	missing = fmt.Sprintf("`%s` exited %d", target.Command{Argv: p.Argv}, code)
	if last := lastLine(out); last != "" {
		missing += ": " + last
	}
	return missing, nil
}

// probeHTTP is well with a status from 200 to 399.
func probeHTTP(ctx context.Context, at string, g target.HTTPGet) (missing string, err error) {
	resp, err := probe.Get(ctx, at, g, true)
	if err != nil {
		return "no answer to GET " + g.Path, nil //nolint:nilerr // no answer yet is what is waited for
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode >= 400 {
		return fmt.Sprintf("GET %s answers %s", g.Path, resp.Status), nil
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 10<<10) // as much as a kubelet reads, so that no server sees a broken pipe
	return "", nil
}
