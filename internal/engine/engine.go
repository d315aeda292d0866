// Package engine is the contract between the sealing loop and a container engine: the Engine and Container interfaces
// and the typed errors that an implementation returns. internal/podrun implements it.
package engine

import (
	"context"
	"errors"
	"strings"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// Engine is what the sealing loop needs of a container engine. internal/podrun implements it.
type Engine interface {
	// Capabilities returns what the engine can do.
	Capabilities() Capabilities

	// Image makes sure that the engine has the target's image (pulling it if not) and returns its facts. The image
	// is pinned: every later Start with these facts runs exactly this image, whatever its tag points to by then.
	Image(ctx context.Context, ref, platform string) (image.Facts, error)

	// Tree reads the image's files, as far as they are asked for. Close it when done.
	Tree(ctx context.Context, facts image.Facts) (TreeCloser, error)

	// Prewarm makes what a start under the profile will need, in parallel with what the caller waits for. The next start
	// may be another one.
	Prewarm(ctx context.Context, facts image.Facts, p profile.Profile)

	// Start creates and starts a container of the target under the profile, as a kubelet would: mounts first, then
	// the init containers that fill them, then the container. An error is an error of the engine, or of the profile
	// (a seed that fails is a *SeedError); an application that exits at once is not an error.
	Start(ctx context.Context, t target.Target, facts image.Facts, p profile.Profile) (Container, error)
}

// TreeCloser is a tree of image files that holds an engine object while it is open.
type TreeCloser interface {
	image.Tree
	Close(ctx context.Context) error
}

// Container is one started container. Its methods may be called until Remove.
type Container interface {
	// ID is the engine's id of the container that commands are meant for: the target's, or that of its pod's default
	// container. Host and Ports tell where the published ports are reached (container port to host port, TCP).
	ID() string
	Host() string
	Ports() map[int]int
	// UDPPorts are the published UDP ports: those that the image exposes. The ports of a pod are TCP alone.
	UDPPorts() map[int]int

	// State tells whether it runs, and how it ended if not. Health is the state of the image's HEALTHCHECK:
	// "" where it has none, else "starting", "healthy" or "unhealthy".
	State(ctx context.Context) (State, error)
	// Wait returns when the container has exited, or ctx is done.
	Wait(ctx context.Context) error

	Changes(ctx context.Context) ([]observe.Change, error) // docker diff now; Phase is not set
	Processes(ctx context.Context) ([]observe.Process, error)
	Listening(ctx context.Context) ([]int, error) // TCP ports that something inside listens on, sorted
	Logs(ctx context.Context) (string, error)     // stdout and stderr, the last part
	// Exec runs a command in the container, ExecDefault in the default container of its pod.
	Exec(ctx context.Context, argv []string) (code int, output string, err error)
	ExecDefault(ctx context.Context, argv []string) (code int, output string, err error)
	Usage(ctx context.Context) ([]observe.Usage, error) // of the profile's mounts

	// Phase tells the tracer which phase begins.
	Phase(p observe.Phase)
	// Writes returns what the tracer saw until now, and how far it saw.
	Writes() ([]observe.Write, observe.Trace)
	// DeniedPorts are the TCP ports that something was refused to bind, as far as the tracer saw, sorted.
	DeniedPorts() []int

	// Proceed starts the containers of the pod that come after an init container, which has run to its end. After any
	// other it does nothing: they run already.
	Proceed(ctx context.Context) error
	// Restart kills PID 1 with SIGKILL, runs the seeds a second time, and starts the container again over the same
	// mounts, as a kubelet does after a crash and after a sandbox restart. Ports may differ afterwards. The mounts at
	// fresh lose their content meanwhile: that is no kubelet's way, but shows whether the content is to blame.
	Restart(ctx context.Context, fresh ...string) error
	// Stop sends the image's STOPSIGNAL, waits for the grace period, then kills.
	Stop(ctx context.Context) (observe.Exit, error)
	// Remove removes the container and everything that was made for it. It may be called more than once.
	Remove(ctx context.Context) error
}

// State is a container's state at one moment.
type State struct {
	Running bool
	Health  string
	Exit    observe.Exit // when not running
	// Other tells of another container of the pod that should run and has ended, in a few words; "" when all is well.
	Other string
}

// SeedError is a failed init container: the profile's fault, not the engine's.
type SeedError struct {
	Path   string // of the mount
	Output string
	Code   int
}

func (e *SeedError) Error() string {
	return "seeding " + e.Path + ": the init container failed: " + e.Output
}

// PodError is a failure of the pod around the target: another container of it, or a hook.
type PodError struct {
	What   string // one sentence
	Output string
}

func (e *PodError) Error() string {
	if e.Output == "" {
		return e.What
	}
	return e.What + ": " + lastLine(e.Output)
}

// ErrCannotLook is returned by Listening and Usage where the engine gives no way to look inside.
var ErrCannotLook = errors.New("this engine gives no way to look inside a container")

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
