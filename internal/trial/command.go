package trial

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/probe"
	"github.com/podseal/podseal/internal/target"
)

// maxOutput is how many bytes of a command's output are kept: its end.
const maxOutput = 16 << 10

// execute runs one command, on the host or in the container. A command that cannot be started is an error.
func execute(ctx context.Context, t target.Target, c engine.Container, cmd target.Command, p observe.Phase) (observe.CommandResult, error) {
	began := time.Now()
	res := observe.CommandResult{Command: cmd.String(), Phase: p}
	if cmd.Inside {
		code, out, err := c.ExecDefault(ctx, cmd.Argv)
		if err != nil {
			return res, fmt.Errorf("running `%s` in the container: %w", cmd, err)
		}
		res.Code, res.Output, res.Took = code, tail(out), time.Since(began)
		return res, nil
	}
	return executeHost(ctx, res, t.Dir, cmd, environment(t, c))
}

// executeHost runs a command on the host in a folder. Processes that it leaves behind are killed when it has ended.
func executeHost(ctx context.Context, res observe.CommandResult, dir string, cmd target.Command, env []string) (observe.CommandResult, error) {
	began := time.Now()
	host := exec.CommandContext(ctx, cmd.Argv[0], cmd.Argv[1:]...) //nolint:gosec // running the user's own command is the purpose
	host.Dir = dir
	host.Env = append(os.Environ(), env...)
	host.WaitDelay = time.Second
	endGroup := ownGroup(host)
	var out tailBuffer
	host.Stdout, host.Stderr = &out, &out
	err := host.Run()
	endGroup()
	res.Took, res.Output = time.Since(began), tail(out.String())
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		res.Code = exit.ExitCode()
	case ctx.Err() == nil && errors.Is(err, exec.ErrWaitDelay):
		// It exited 0, and left a process that kept its output open.
	case ctx.Err() == nil && err != nil:
		return res, fmt.Errorf("running `%s`: %w", cmd, err)
	case err != nil:
		res.Code = -1
	}
	if ctx.Err() != nil {
		return res, fmt.Errorf("running `%s`: %w", cmd, ctx.Err())
	}
	return res, nil
}

// environment returns the variables that describe the container to host commands.
func environment(t target.Target, c engine.Container) []string {
	env := []string{"PODSEAL_CONTAINER=" + c.ID(), "PODSEAL_HOST=" + c.Host()}
	if t.Pod != nil {
		env = append(env, "PODSEAL_OBJECT="+strings.ReplaceAll(t.Pod.Original, " ", "/"), "PODSEAL_TARGET="+t.Name)
	}
	if a, ok := c.(engine.Addressed); ok {
		env = append(env, a.Environment()...)
	}
	ports := c.Ports()
	for i, p := range probe.Ports(t) {
		h, ok := ports[p]
		if !ok {
			continue
		}
		if i == 0 {
			env = append(env, fmt.Sprintf("PODSEAL_PORT=%d", h), "PODSEAL_URL="+probe.URL(t, c))
		}
		env = append(env, fmt.Sprintf("PODSEAL_PORT_%d=%d", p, h))
	}
	return append(env, udpEnvironment(ports, c.UDPPorts())...)
}

// udpEnvironment names the UDP ports. A number that TCP has as well keeps its plain name for TCP.
func udpEnvironment(tcp, udp map[int]int) []string {
	var env []string
	for i, p := range slices.Sorted(maps.Keys(udp)) {
		if len(tcp) == 0 && i == 0 {
			env = append(env, fmt.Sprintf("PODSEAL_PORT=%d", udp[p]))
		}
		if _, both := tcp[p]; !both {
			env = append(env, fmt.Sprintf("PODSEAL_PORT_%d=%d", p, udp[p]))
		}
		env = append(env, fmt.Sprintf("PODSEAL_PORT_%d_UDP=%d", p, udp[p]))
	}
	return env
}

// tailBuffer keeps the last bytes that were written to it: a command may write without end.
type tailBuffer struct{ buf []byte }

func (b *tailBuffer) Write(p []byte) (int, error) {
	b.buf = append(b.buf, p[max(0, len(p)-maxOutput):]...)
	if len(b.buf) > 2*maxOutput { // not at each write: moving the rest costs
		b.buf = append(b.buf[:0], b.buf[len(b.buf)-maxOutput:]...)
	}
	return len(p), nil
}

func (b *tailBuffer) String() string { return string(b.buf) }

func tail(s string) string {
	if len(s) > maxOutput {
		s = s[len(s)-maxOutput:]
	}
	return s
}
