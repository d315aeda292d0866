package seal

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

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/target"
)

// maxOutput is how much of a command's output is kept: its end.
const maxOutput = 16 << 10

// commands runs the e2e commands in order until one fails.
func (r *oneRun) commands(ctx context.Context, phase observe.Phase) (failure string, err error) {
	for _, cmd := range r.target.Commands {
		within, cancel := context.WithTimeout(ctx, r.commandLimit())
		res, err := r.command(within, cmd, phase)
		late := within.Err() != nil && ctx.Err() == nil
		cancel()
		if err != nil && !late {
			return r.diedBefore(ctx, cmd, err)
		}
		r.o.Commands = append(r.o.Commands, res)
		switch {
		case ctx.Err() != nil:
			return "", context.Cause(ctx)
		case late:
			return fmt.Sprintf("`%s` did not end within %s", cmd, r.limits.command.Round(time.Second)), nil
		case res.Code != 0:
			failure = fmt.Sprintf("`%s` exited %d", cmd, res.Code)
			if last := lastLine(res.Output); last != "" {
				failure += ": " + last
			}
			if gone, err := r.exited(ctx, "while the e2e commands ran"); err == nil && gone != "" {
				failure = gone
			}
			return failure, nil
		}
	}
	return r.exited(ctx, "while the e2e commands ran")
}

// diedBefore tells of a command that cannot be executed in the container since that has exited; any other error is the
// engine's.
func (r *oneRun) diedBefore(ctx context.Context, cmd target.Command, err error) (failure string, _ error) {
	if !cmd.Inside {
		return "", err
	}
	gone, serr := r.exited(ctx, fmt.Sprintf("before `%s` could run", cmd))
	if serr != nil || gone == "" {
		return "", err
	}
	return gone, nil
}

func (r *oneRun) commandLimit() time.Duration {
	if r.limits.command > 0 {
		return r.limits.command
	}
	return time.Hour
}

// command runs one command, on the host or in the container. A command that cannot be started is an error.
func (r *oneRun) command(ctx context.Context, cmd target.Command, phase observe.Phase) (observe.CommandResult, error) {
	began := time.Now()
	res := observe.CommandResult{Command: cmd.String(), Phase: phase}
	if cmd.Inside {
		code, out, err := r.c.ExecDefault(ctx, cmd.Argv)
		if err != nil {
			return res, fmt.Errorf("running `%s` in the container: %w", cmd, err)
		}
		res.Code, res.Output, res.Took = code, tail(out), time.Since(began)
		return res, nil
	}
	host := exec.CommandContext(ctx, cmd.Argv[0], cmd.Argv[1:]...) //nolint:gosec // the user's own command is the point
	host.Env = append(os.Environ(), r.environment()...)
	host.WaitDelay = time.Second
	ownGroup(host)
	var out ending
	host.Stdout, host.Stderr = &out, &out
	err := host.Run()
	res.Took, res.Output = time.Since(began), tail(out.String())
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		res.Code = exit.ExitCode()
	case ctx.Err() == nil && errors.Is(err, exec.ErrWaitDelay):
		// It exited 0, and left something running that still has its output.
	case ctx.Err() == nil && err != nil:
		return res, fmt.Errorf("running `%s`: %w", cmd, err)
	case err != nil:
		res.Code = -1
	}
	return res, ctx.Err()
}

// environment is what the host commands learn of the container.
func (r *oneRun) environment() []string {
	env := []string{"PODSEAL_CONTAINER=" + r.c.ID(), "PODSEAL_HOST=" + r.c.Host()}
	if r.target.Pod != nil {
		env = append(env, "PODSEAL_OBJECT="+strings.ReplaceAll(r.target.Pod.Original, " ", "/"), "PODSEAL_TARGET="+r.target.Name)
	}
	ports := r.c.Ports()
	for i, p := range r.ports() {
		h, ok := ports[p]
		if !ok {
			continue
		}
		if i == 0 {
			env = append(env, fmt.Sprintf("PODSEAL_PORT=%d", h), "PODSEAL_URL="+r.url())
		}
		env = append(env, fmt.Sprintf("PODSEAL_PORT_%d=%d", p, h))
	}
	udp := r.c.UDPPorts()
	for i, p := range slices.Sorted(maps.Keys(udp)) {
		if len(ports) == 0 && i == 0 {
			env = append(env, fmt.Sprintf("PODSEAL_PORT=%d", udp[p]))
		}
		if _, both := ports[p]; !both {
			env = append(env, fmt.Sprintf("PODSEAL_PORT_%d=%d", p, udp[p]))
		}
		env = append(env, fmt.Sprintf("PODSEAL_PORT_%d_UDP=%d", p, udp[p]))
	}
	return env
}

// ports are those that the commands see: the pod's, or the target's own.
func (r *oneRun) ports() []int {
	if r.target.Pod != nil && len(r.target.Pod.Ports) > 0 {
		return r.target.Pod.Ports
	}
	return r.target.Ports
}

func (r *oneRun) url() string {
	port := 0
	if ports := r.ports(); len(ports) > 0 {
		port = r.c.Ports()[ports[0]]
	}
	return fmt.Sprintf("http://%s:%d", r.c.Host(), port)
}

// soak keeps the application running.
func (r *oneRun) soak(ctx context.Context) (failure string, err error) {
	if r.target.Soak <= 0 {
		return "", nil
	}
	ended := r.gone.Done()
	if r.target.Completes {
		ended = ctx.Done() // it has ended; what comes after it soaks
	}
	select {
	case <-time.After(r.target.Soak):
	case <-ended:
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	return r.exited(ctx, "during the soak")
}

// ending keeps the last bytes that were written to it: a command may write without end.
type ending struct{ buf []byte }

func (e *ending) Write(p []byte) (int, error) {
	e.buf = append(e.buf, p[max(0, len(p)-maxOutput):]...)
	if len(e.buf) > 2*maxOutput { // not at each write: moving the rest costs
		e.buf = append(e.buf[:0], e.buf[len(e.buf)-maxOutput:]...)
	}
	return len(p), nil
}

func (e *ending) String() string { return string(e.buf) }

func tail(s string) string {
	if len(s) > maxOutput {
		s = s[len(s)-maxOutput:]
	}
	return s
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// CheckCommands tells, before anything runs, of a host command that does not exist.
func CheckCommands(commands []target.Command) error {
	i := slices.IndexFunc(commands, func(c target.Command) bool {
		if c.Inside || len(c.Argv) == 0 {
			return false
		}
		_, err := exec.LookPath(c.Argv[0])
		return err != nil
	})
	if i < 0 {
		return nil
	}
	return fmt.Errorf("the e2e command %s does not exist on this host: give a program on the PATH, or a path to one", commands[i].Argv[0])
}
