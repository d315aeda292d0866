// Package tracehost places the tracer's two parts for a run: the sensor, in a volume that traced containers mount, and the
// observer container, where an observer runs for each target.
//
// The observer container is the run's lease as well: it ends by itself when the client is gone, and with it every
// observer. GC takes the objects of a run whose lease has ended.
package tracehost

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/inside"
	"github.com/podseal/podseal/internal/trace"
	"github.com/podseal/podseal/internal/trace/streams"
)

// Host is the observer container of one run, and the volume with the sensor. Both are made at the first need.
type Host struct {
	client *docker.Client
	helper *Helper

	once   sync.Once
	filled chan struct{} // closed when the container is created, which fills the volume
	up     chan struct{} // closed when the container runs
	placed placed        // after up; its volume after filled

	life context.Context // ends when the container does, with an *engine.Fault as its cause
	end  context.CancelCauseFunc

	mu     sync.Mutex
	closed bool
}

// placed is what was made, or why it was not.
type placed struct {
	volume           string
	box              *docker.Container
	notFilled, notUp error
	observers        *streams.Client // over the lease, which it ends
}

// observersMemory limits the memory of all observers together. Each bounds its own; the limit
// protects the engine's host where that fails.
const observersMemory = 1 << 30

var errClosed = errors.New("the run is over")

// New returns the tracer's host for the run of a client. It makes nothing yet.
func New(client *docker.Client, helper *Helper) *Host {
	h := &Host{client: client, helper: helper, filled: make(chan struct{}), up: make(chan struct{})}
	h.life, h.end = context.WithCancelCause(context.Background())
	return h
}

// Warm starts the creation of what every observed start needs. Its errors are returned by the call that needs it.
func (h *Host) Warm(ctx context.Context) {
	h.once.Do(func() { go h.place(context.WithoutCancel(ctx)) })
}

// SensorVolume returns the name of the volume that holds the sensor, to be mounted at trace.Mountpoint.
func (h *Host) SensorVolume(ctx context.Context) (string, error) {
	h.Warm(ctx)
	select {
	case <-h.filled:
		return h.placed.volume, h.placed.notFilled
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// Observe starts an observer in the observer container.
func (h *Host) Observe(ctx context.Context, o trace.ObserverOptions) (*trace.Session, error) {
	h.Warm(ctx)
	select {
	case <-h.up:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if h.placed.notUp != nil {
		return nil, fmt.Errorf("starting the observer container: %w", h.placed.notUp)
	}
	stream, err := h.placed.observers.Start(trace.ObserverArgs(o)[1:]) // of the program that the container runs
	if err != nil {
		return nil, fmt.Errorf("starting an observer: %w", err)
	}
	return trace.Attach(stream), nil
}

// Bind returns a context that ends with ctx, and at once when the observer container ends during the run: then with an
// *engine.Fault as its cause.
func (h *Host) Bind(ctx context.Context) (context.Context, context.CancelFunc) {
	bound, cancel := context.WithCancelCause(ctx)
	if h.life.Err() != nil {
		cancel(context.Cause(h.life))
	}
	stop := context.AfterFunc(h.life, func() { cancel(context.Cause(h.life)) })
	return bound, func() { stop(); cancel(nil) }
}

// Close waits for a container that is being made, lets none be made, and makes its end an expected one. It removes
// nothing: the objects are swept with all others of the run.
func (h *Host) Close() {
	h.once.Do(func() {
		h.placed.notFilled, h.placed.notUp = errClosed, errClosed
		close(h.filled)
		close(h.up)
	})
	<-h.up
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	if h.placed.observers != nil {
		_ = h.placed.observers.Close() // which ends the container, too
	}
}

// place makes the volume and the container, and starts it.
func (h *Host) place(ctx context.Context) {
	h.placed.notFilled = h.create(ctx)
	close(h.filled)
	if h.placed.notUp = h.placed.notFilled; h.placed.notUp == nil {
		h.placed.notUp = h.start(ctx)
	}
	close(h.up)
}

func (h *Host) create(ctx context.Context) error {
	volume, err := h.client.CreateVolume(ctx, "sensor")
	if err != nil {
		return err
	}
	h.placed.volume = volume.Name
	// The engine fills the volume when the container is created: it copies what the image has at the mount point into a
	// volume that is still empty.
	h.placed.box, err = h.helper.Create(ctx, "observer", docker.Spec{
		Entrypoint: []string{HelperProgram, inside.PauseCommand, inside.LeaseArgument}, User: "0:0", Lease: true,
		HostPID: true, Network: "none", IPC: "none", ReadOnly: true, DropAll: true, Add: []string{"SYS_PTRACE"},
		SecurityOpt: []string{"label=disable", "no-new-privileges:true"}, NoLog: true, Memory: observersMemory,
		Mounts: []docker.Mount{{Source: volume.Name, Target: trace.Mountpoint, Copy: true}},
	})
	return err
}

// start attaches to the container, starts it, and watches its life.
func (h *Host) start(ctx context.Context) error {
	lease, err := h.placed.box.Attach(ctx)
	if err != nil {
		return err
	}
	if err := h.placed.box.Start(ctx); err != nil {
		return errors.Join(err, lease.Close())
	}
	if h.placed.observers, err = streams.NewClient(lease); err != nil {
		return errors.Join(err, lease.Close())
	}
	go h.watch()
	return nil
}

// watch ends the run's life when the container's output does.
func (h *Host) watch() {
	<-h.placed.observers.Ended()
	h.mu.Lock()
	closed := h.closed
	h.mu.Unlock()
	if closed {
		return
	}
	h.end(h.client.Lost(h.placed.box))
}
