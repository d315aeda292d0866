package docker

import (
	"context"
	"fmt"
	"sync"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/podseal/podseal/internal/inside"
	"github.com/podseal/podseal/internal/trace"
)

// lookout is the one container of a run from which the others are looked into. It sees their processes, since it is in
// the PID namespace of the engine's host; an observer for each target is executed in it, before the target starts. It
// holds the volume with the sensor, too.
type lookout struct {
	once           sync.Once
	made           chan struct{} // closed when the container is made, and the volume filled
	up             chan struct{} // closed when it runs
	gone           chan struct{} // closed when it has ended
	volume         string
	id             string
	notMade, notUp error
}

// observersMemory limits the memory of all observers together. Each bounds its own (trace.MaxTableBytes); the limit
// protects the engine's host where that fails.
const observersMemory = 1 << 30

// begin starts making the lookout, once.
func (l *lookout) begin(ctx context.Context, e *Engine) {
	l.once.Do(func() {
		l.made, l.up, l.gone = make(chan struct{}), make(chan struct{}), make(chan struct{})
		go func() {
			ctx := context.WithoutCancel(ctx)
			l.notMade = l.make(ctx, e)
			close(l.made)
			if l.notUp = l.notMade; l.notUp == nil {
				l.notUp = e.cli.ContainerStart(ctx, l.id, container.StartOptions{})
			}
			if l.notUp == nil {
				go l.await(ctx, e)
			}
			close(l.up)
		}()
	})
}

// await closes gone when the lookout has ended. The engine keeps the streams of commands open that are killed with their
// container.
func (l *lookout) await(ctx context.Context, e *Engine) {
	ended, failed := e.cli.ContainerWait(ctx, l.id, container.WaitConditionNotRunning)
	select {
	case <-ended:
	case <-failed:
	}
	close(l.gone)
}

func (l *lookout) make(ctx context.Context, e *Engine) error {
	helper, err := e.helper(ctx)
	if err != nil {
		return err
	}
	volume, err := e.makeVolume(ctx, "sensor", nil)
	if err != nil {
		return err
	}
	l.volume = volume.Name
	// The engine fills the volume when the container is made: it copies what the image has at the mount point into a
	// volume that is still empty.
	l.id, err = e.create(ctx, "lookout", &container.Config{
		Image: helper.ID, Labels: e.labels(), Entrypoint: []string{helperBinary, inside.PauseCommand}, User: "0:0",
	}, &container.HostConfig{
		PidMode: "host", NetworkMode: "none", IpcMode: container.IPCModeNone, ReadonlyRootfs: true,
		CapDrop: []string{"ALL"}, CapAdd: []string{"SYS_PTRACE"}, SecurityOpt: []string{"label=disable", "no-new-privileges:true"},
		LogConfig: container.LogConfig{Type: "none"},
		Resources: container.Resources{Memory: observersMemory, MemorySwap: observersMemory},
		Mounts:    []mount.Mount{{Type: mount.TypeVolume, Source: volume.Name, Target: trace.Mountpoint}},
	}, helper)
	return err
}

// close waits for a lookout that is being made, and lets none be made.
func (l *lookout) close() {
	l.once.Do(func() {
		l.made, l.up, l.notMade, l.notUp = make(chan struct{}), make(chan struct{}), errSwept, errSwept
		close(l.made)
		close(l.up)
	})
	<-l.up
}

// sensorVolume is the volume with the sensor.
func (e *Engine) sensorVolume(ctx context.Context) (string, error) {
	e.lookout.begin(ctx, e)
	select {
	case <-e.lookout.made:
		return e.lookout.volume, e.lookout.notMade
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// observer executes an observer in the lookout and returns its stdin and stdout.
func (e *Engine) observer(ctx context.Context, o trace.ObserverOptions) (stream, error) {
	e.lookout.begin(ctx, e)
	select {
	case <-e.lookout.up:
	case <-ctx.Done():
		return stream{}, ctx.Err()
	}
	if e.lookout.notUp != nil {
		return stream{}, fmt.Errorf("starting the observer container: %w", e.lookout.notUp)
	}
	made, err := e.cli.ContainerExecCreate(ctx, e.lookout.id, container.ExecOptions{
		User: "0:0", Cmd: trace.ObserverArgs(o), AttachStdin: true, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return stream{}, fmt.Errorf("making an observer: %w", err)
	}
	conn, err := e.cli.ContainerExecAttach(context.WithoutCancel(ctx), made.ID, container.ExecAttachOptions{})
	if err != nil {
		return stream{}, fmt.Errorf("starting an observer: %w", err)
	}
	go func() {
		<-e.lookout.gone
		conn.Close()
	}()
	return newStream(conn), nil
}

// Warm makes what every observed start needs, beside what the caller does meanwhile. Its errors are told by the start that
// needs it.
func (e *Engine) Warm(ctx context.Context) { e.lookout.begin(ctx, e) }
