package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace"
)

// observer is the container beside the application that looks into it: at what listens, at what the mounts hold, and,
// where the sensor runs as well, at each write.
type observer struct {
	id     string
	socket string // "" where no sensor runs
	why    string // why none runs

	// sessions are one for each start of the container; the last one is of now. What the earlier ones saw stays. next is
	// the one that is attached for the start to come.
	sessions []*trace.Session
	next     *trace.Session
	phase    observe.Phase
}

// sensorVolume returns the volume with the sensor in it: one for all containers of the run. The engine fills it, by
// copying what the helper image has at the mount point into a volume that is still empty.
func (e *Engine) sensorVolume(ctx context.Context) (string, error) {
	e.sensorOnce.Do(func() { e.sensor, e.sensorErr = e.makeSensorVolume(context.WithoutCancel(ctx)) })
	return e.sensor, e.sensorErr
}

// Warm makes what every traced start needs, beside what the caller does meanwhile. Its errors are told by the start that
// needs it.
func (e *Engine) Warm(ctx context.Context) {
	if !e.opts.NoTrace && e.opts.Helper != nil {
		go func() { _, _ = e.sensorVolume(ctx) }()
	}
}

func (e *Engine) makeSensorVolume(ctx context.Context) (string, error) {
	helper, err := e.helper(ctx)
	if err != nil {
		return "", err
	}
	v, err := e.makeVolume(ctx, "sensor", nil)
	if err != nil {
		return "", err
	}
	id, err := e.create(ctx, "sensor", &container.Config{Image: helper.ID, Labels: e.labels()}, &container.HostConfig{
		NetworkMode: "none", Mounts: []mount.Mount{{Type: mount.TypeVolume, Source: v.Name, Target: trace.Mountpoint}},
	}, helper)
	if err != nil {
		return "", err
	}
	_, err = e.cli.ContainerStatPath(ctx, id, helperBinary)
	if err = errors.Join(err, e.removeContainer(ctx, id)); err != nil {
		return "", fmt.Errorf("filling the sensor's volume: %w", err)
	}
	return v.Name, nil
}

// whyNoSensor tells why single writes of a container cannot be traced; "" when they can.
func (c *running) whyNoSensor(helper image.Facts) string {
	switch {
	case c.e.opts.NoTrace:
		return "tracing was switched off"
	case c.target.Untraced:
		return "tracing is off: the application does not work under no_new_privs, which the tracer needs"
	case helper.Config.Architecture != c.facts.Config.Architecture:
		return fmt.Sprintf("tracing is off: the image is for %s, emulated by an engine on %s",
			c.facts.Config.Architecture, helper.Config.Architecture)
	case !c.profile.Open && c.profile.AllowPrivilegeEscalation:
		return "tracing is off: the tracer sets no_new_privs, and this run is about what happens without"
	}
	return ""
}

// observe makes the observer of a container that is about to be created, and puts the sensor before its program. An
// engine that cannot be observed is still an engine: the reason is kept, and the run goes on.
func (c *running) observe(ctx context.Context, s settings) {
	c.watcher = &observer{phase: observe.Start}
	helper, err := c.e.helper(ctx)
	if err != nil {
		c.watcher.why = "tracing is off: " + err.Error()
		return
	}
	if c.watcher.why = c.whyNoSensor(helper); c.watcher.why != "" {
		return
	}
	volume, err := c.e.sensorVolume(ctx)
	if err != nil {
		c.watcher.why = "tracing is off: " + err.Error()
		return
	}
	c.watcher.socket = fmt.Sprintf("socket-%d", c.e.seq.Add(1))
	sensor := volumeMount(volume, trace.Mountpoint)
	sensor.ReadOnly = true
	s.host.Mounts = append(s.host.Mounts, sensor)
	s.host.SecurityOpt = append(s.host.SecurityOpt, "label=disable") // SELinux lets no socket cross containers
	s.cfg.Entrypoint = trace.SensorArgs(s.cfg.Entrypoint, trace.SensorOptions{Socket: c.watcher.socket, Wait: sensorWait})
}

// watched puts the sensor before a command that is executed in the container, where its application is traced. The user,
// the environment, the working folder, the output and the exit code are the command's own.
func (c *running) watched(argv []string) []string {
	s := c.session()
	if s == nil || !s.Status().On {
		return argv
	}
	select {
	case <-s.Done():
		return argv // nobody would answer its calls
	default:
	}
	return trace.SensorArgs(argv, trace.SensorOptions{Socket: c.watcher.socket, Wait: execWait, Exec: true})
}

// execWait is how long a command waits for an observer that has just ended.
const execWait = time.Second

// sensorWait is how long a container waits for its observer before it runs untraced.
const sensorWait = 15 * time.Second

// makeObserver creates the observer's container, beside the container of that name that it will look into, which may
// not be there yet, and attaches to it.
func (c *running) makeObserver(ctx context.Context, beside string) error {
	helper, err := c.e.helper(ctx)
	if err != nil {
		return nil //nolint:nilerr // the reason is in c.watcher.why
	}
	o := trace.ObserverOptions{Socket: c.watcher.socket, Off: c.watcher.socket == ""}
	if !c.profile.Open && !c.profile.LowPorts {
		o.PortStart = 1024
	}
	host := &container.HostConfig{
		PidMode: container.PidMode("container:" + beside), NetworkMode: "none", ReadonlyRootfs: true,
		CapDrop: []string{"ALL"}, CapAdd: []string{"SYS_PTRACE"}, SecurityOpt: []string{"label=disable"},
		LogConfig: container.LogConfig{Type: "none"},
	}
	if !o.Off {
		volume, err := c.e.sensorVolume(ctx)
		if err != nil {
			return err
		}
		host.Mounts = []mount.Mount{volumeMount(volume, trace.Mountpoint)}
	}
	id, err := c.e.create(ctx, "observer", &container.Config{
		Image: helper.ID, Labels: c.e.labels(), Entrypoint: trace.ObserverArgs(o), User: "0:0", OpenStdin: true,
		AttachStdin: true, AttachStdout: true, AttachStderr: true,
	}, host, helper)
	if err != nil {
		return err
	}
	c.watcher.id = id
	// First in the list, and so removed last: a traced application without its observer gets errors from the kernel.
	c.mu.Lock()
	c.undo = slices.Insert(c.undo, 0, func(ctx context.Context) error { return c.e.removeContainer(ctx, id) })
	c.mu.Unlock()
	if c.watcher.socket != "" {
		c.execs.listen(ctx, c, beside)
	}
	c.watcher.next, err = c.attach(ctx)
	return err
}

// attach begins a session with the observer, which need not run yet.
func (c *running) attach(ctx context.Context) (*trace.Session, error) {
	stream, err := c.e.attach(ctx, c.watcher.id)
	if err != nil {
		return nil, fmt.Errorf("attaching to the observer: %w", err)
	}
	return trace.Attach(stream), nil
}

// watch starts the observer of a container that has just been started, and waits until the application runs. Where
// that fails the application runs unobserved.
func (c *running) watch(ctx context.Context) error {
	if c.watcher.id == "" {
		return nil
	}
	session := c.watcher.next
	if c.watcher.next = nil; session == nil {
		var err error
		if session, err = c.attach(ctx); err != nil {
			return err
		}
	}
	c.mu.Lock()
	phase := c.watcher.phase
	c.watcher.sessions = append(c.watcher.sessions, session)
	c.mu.Unlock()
	// The phase is on its way before the observer runs, so that it is the first thing that the observer hears.
	go func() { _ = session.Phase(context.WithoutCancel(ctx), phase) }()
	if err := c.e.cli.ContainerStart(ctx, c.watcher.id, container.StartOptions{}); err != nil {
		_ = session.Close()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// A container that has ended has no processes to look at.
		c.note("the observer could not be started: " + err.Error())
		return nil
	}
	if c.watcher.socket == "" {
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, 2*sensorWait)
	defer cancel()
	if err := session.Started(waiting); err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return nil
}

func (c *running) note(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watcher.why = text
}

// stream is the observer's stdout and stdin.
type stream struct {
	io.Reader
	conn net.Conn
	read *io.PipeReader
}

func (s stream) Write(p []byte) (int, error) { return s.conn.Write(p) }

func (s stream) Close() error { return errors.Join(s.conn.Close(), s.read.Close()) }

// attach connects to a container's stdin and stdout. What it writes to stderr is dropped.
func (e *Engine) attach(ctx context.Context, id string) (stream, error) {
	conn, err := e.cli.ContainerAttach(context.WithoutCancel(ctx), id, container.AttachOptions{
		Stream: true, Stdin: true, Stdout: true, Stderr: true,
	})
	if err != nil {
		return stream{}, err
	}
	read, write := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(write, io.Discard, conn.Reader)
		_ = write.CloseWithError(err)
	}()
	return stream{Reader: read, conn: conn.Conn, read: read}, nil
}
