package engine

import (
	"context"

	"github.com/podseal/podseal/internal/observe"
)

// Container is a started container of a target. Its methods may be called until Remove, by several goroutines, also after the
// container has exited.
type Container interface {
	// ID returns the engine's id of the container that commands are meant for: the target's, or that of the default
	// container of its pod.
	ID() string
	// Host returns the address of the published ports.
	Host() string
	// Ports returns the published TCP ports: container port to port of Host. They may change with a Restart.
	Ports() map[int]int
	// UDPPorts returns the published UDP ports in the same way: those that the image exposes. A pod has none.
	UDPPorts() map[int]int

	// State returns whether the container runs, and how it exited.
	State(ctx context.Context) (State, error)
	// Wait returns nil when the container has exited.
	Wait(ctx context.Context) error
	// Proceed starts the containers of the pod that follow a target that is an init container and has exited. It has no
	// effect on any other target.
	Proceed(ctx context.Context) error
	// Restart kills PID 1 with SIGKILL, runs the init containers of the mounts again, and starts the container over the same
	// mounts, as a kubelet does after a crash. A container that has exited is only started. Under the unrestricted profile
	// the container keeps all its files, unless Capabilities.NewRoot is set. The mounts at the paths in fresh lose their content: no kubelet does so, but it
	// shows whether the content is to blame.
	Restart(ctx context.Context, fresh ...string) error
	// Stop sends the image's STOPSIGNAL, sends SIGKILL after the target's grace period, and returns how the container
	// exited, now or earlier.
	Stop(ctx context.Context) (observe.Exit, error)
	// Remove removes the container and everything that was made for it. It works with a context that has ended, and may be
	// called again.
	Remove(ctx context.Context) error

	// Changes returns the output of docker diff, without phases; nothing where the engine cannot know.
	Changes(ctx context.Context) ([]observe.Change, error)
	// Processes returns the processes that run now, none of a container that has exited, or ErrCannotInspect.
	Processes(ctx context.Context) ([]observe.Process, error)
	// Listening returns the TCP ports that a process in the container listens on, sorted, or ErrCannotInspect.
	Listening(ctx context.Context) ([]int, error)
	// Connections returns the addresses outside the container that it has connected to until now, or ErrCannotInspect. A
	// traced container misses none; of any other one, those that are open now. Those of its pod may be among them.
	Connections(ctx context.Context) ([]observe.Connection, error)
	// Usage returns what each mount of the profile holds, or ErrCannotInspect.
	Usage(ctx context.Context) ([]observe.Usage, error)
	// Logs returns the last part of stdout and stderr of all starts.
	Logs(ctx context.Context) (string, error)
	// Exec runs a command in the container of the target and returns its exit code and its output.
	Exec(ctx context.Context, argv []string) (code int, output string, err error)
	// ExecDefault runs a command in the default container of the pod, which is the target's where it runs alone.
	ExecDefault(ctx context.Context, argv []string) (code int, output string, err error)

	// Phase sets the phase of the writes from now on.
	Phase(p observe.Phase)
	// Writes returns the writes that were traced until now, and how complete the trace is. A run that is not traced
	// returns none, and the reason in the trace.
	Writes() ([]observe.Write, observe.Trace)
	// DeniedPorts returns the TCP ports that a traced process was refused to bind, sorted.
	DeniedPorts() []int
}

// Addressed is a container that commands on the host need more than its ID to address.
type Addressed interface {
	// Environment returns variables for such commands, as NAME=VALUE.
	Environment() []string
}

// State is the state of a container at one moment.
type State struct {
	Running bool
	// Health is the state of the image's HEALTHCHECK: "starting", "healthy", "unhealthy", or "" where it has none.
	Health string
	// Exit is how the container exited; the zero value while it runs. A program that could not be executed has the code
	// 126 or 127 and an Error.
	Exit observe.Exit
	// Hostname is the name of the container's host if another run of the target has another one; else "".
	Hostname string
	// Other names another container of the pod that should run and has exited, with its exit; "" if there is none.
	Other string
}
