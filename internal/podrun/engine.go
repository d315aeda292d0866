// Package podrun runs a target on a Docker engine as a kubelet would: the sandbox and the containers that precede it, its
// volumes, the init containers that fill them, the container itself, the rest of the pod, and the lifecycle hooks. It
// implements internal/engine.
//
// A sealed run is never kinder than a cluster. Docker's own conveniences (ports below 1024 for everyone, image content
// copied into volumes, a silent writable volume at each VOLUME path, group membership lost or kept) are each set to what a
// kubelet does; the comments at the settings name the difference.
//
// One difference remains: Kubernetes gives each container a world-writable /dev/termination-log. Docker mounts a fresh
// tmpfs on /dev at each start, after the last moment at which a file could be put there, so that the file is missing.
package podrun

import (
	"context"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trace"
	"github.com/podseal/podseal/internal/tracehost"
)

// Engine starts targets as pods on a Docker engine.
type Engine struct {
	client    *docker.Client
	helper    *tracehost.Helper
	host      observerHost
	volumes   *volumeStore
	prewarmed prewarmed
	noTrace   bool
	traces    bool // there is a helper program, and tracing is not disabled
}

var _ engine.Engine = (*Engine)(nil)

// observerHost executes observers for a run. *tracehost.Host is one.
type observerHost interface {
	Warm(ctx context.Context)
	SensorVolume(ctx context.Context) (string, error)
	Observe(ctx context.Context, o trace.ObserverOptions) (*trace.Session, error)
	Bind(ctx context.Context) (context.Context, context.CancelFunc)
	Close()
}

// Options are the settings of an Engine. The zero value works.
type Options struct {
	// Helper returns podseal's own static Linux program for an architecture in Go's spelling. With nil, or when it fails,
	// containers are not observed from inside, and pods, which need a sandbox, cannot run.
	Helper func(arch string) ([]byte, error)
	// NoTrace disables the tracing of single system calls.
	NoTrace bool
	// Progress receives one line now and then while an image is pulled; nil means silence. Connect alone uses it.
	Progress func(line string)
}

// Connect connects to the engine that the environment names, as docker.New does.
func Connect(ctx context.Context, opts Options) (*Engine, error) {
	client, err := docker.New(ctx, docker.Options{Progress: opts.Progress})
	if err != nil {
		return nil, err
	}
	return New(client, opts), nil
}

// New returns an engine that makes everything through the client, with the client's run id.
func New(client *docker.Client, opts Options) *Engine {
	helper := tracehost.NewHelper(client, opts.Helper)
	return &Engine{
		client: client, helper: helper, host: tracehost.New(client, helper), noTrace: opts.NoTrace,
		traces:  opts.Helper != nil && !opts.NoTrace,
		volumes: &volumeStore{client: client, helper: helper},
	}
}

// Client returns the client of the engine.
func (e *Engine) Client() *docker.Client { return e.client }

// RunID returns the id that marks what the engine makes.
func (e *Engine) RunID() string { return e.client.RunID() }

// CheckNetwork returns a *docker.SettingError for a network mode that no container can be started with.
func (e *Engine) CheckNetwork(ctx context.Context, name string) error {
	return e.client.CheckNetwork(ctx, name)
}

// Capabilities implements engine.Engine.
func (e *Engine) Capabilities() engine.Capabilities {
	return engine.Capabilities{Ports: true, Traces: e.traces, Restarts: true, Inspects: true, Services: true}
}

// Image implements engine.Engine.
func (e *Engine) Image(ctx context.Context, ref, platform string) (image.Facts, error) {
	return e.client.Image(ctx, ref, platform)
}

// Tree implements engine.Engine.
func (e *Engine) Tree(ctx context.Context, facts image.Facts) (engine.TreeCloser, error) {
	return e.client.Tree(ctx, facts)
}

// Warm starts the creation of what every observed start needs, in parallel with what the caller does meanwhile. The start
// that needs it returns its errors.
func (e *Engine) Warm(ctx context.Context) { e.host.Warm(ctx) }

// Sweep removes everything that the run made and that is still there. It does not end with its context. No start may
// follow.
func (e *Engine) Sweep(ctx context.Context) error {
	e.host.Close()
	return e.client.Sweep(ctx)
}

// Close closes the connections of the client. It removes nothing; see Sweep.
func (e *Engine) Close() error { return e.client.Close() }

// Start implements engine.Engine.
func (e *Engine) Start(ctx context.Context, t target.Target, facts image.Facts, p profile.Profile) (engine.Container, error) {
	within, done := e.host.Bind(ctx)
	defer done()
	c := e.newRunning(t, facts, p)
	err := c.setUp(within)
	if err == nil {
		return c, nil
	}
	return nil, engine.WithCleanup(err, c.Remove(ctx))
}
