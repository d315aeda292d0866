package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace"
)

// observer is what looks into a container: at its processes, at what listens, at what the mounts hold, and, where the
// sensor runs as well, at each write.
type observer struct {
	socket string // "" where no sensor runs
	why    string // why none runs

	// sessions are one for each start of the container; the last one is of now. What the earlier ones saw stays. next is
	// the one for the start to come.
	sessions []*trace.Session
	next     chan begun
	phase    observe.Phase
	broken   bool // a start after the first one is not observed
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

// observe puts the sensor before the program of a container that is about to be created. An engine that cannot be
// observed is still an engine: the reason is kept, and the run goes on.
func (c *running) observe(ctx context.Context, s settings) {
	if c.watcher.why != "" {
		return // it has been tried
	}
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
	return trace.SensorArgs(argv, trace.SensorOptions{Socket: c.watcher.socket, Wait: execWait})
}

// execWait is how long a command waits until the observer knows its process, before it runs untraced.
const execWait = 5 * time.Second

// admit names the process of a command to the observer, which accepts no other: the engine reports its number a moment
// after the start. It ends with ctx, or when the command has ended.
func (c *running) admit(ctx context.Context, exec string) {
	ctx, cancel := context.WithTimeout(ctx, execWait)
	defer cancel()
	s := c.session()
	for s != nil {
		found, err := c.e.cli.ContainerExecInspect(ctx, exec)
		if err != nil || found.ExitCode != 0 {
			return
		}
		if found.Pid != 0 {
			_ = s.Admit(ctx, found.Pid) // without an observer the command runs untraced
			return
		}
		if !pause(ctx, execPoll/4) {
			return
		}
	}
}

// sensorWait is how long a container waits for its observer before it runs untraced.
const sensorWait = 15 * time.Second

// makeObserver begins an observer for the start to come: before the container starts, or beside that.
func (c *running) makeObserver(ctx context.Context) {
	next := make(chan begun, 1)
	c.watcher.next = next
	go func() { next <- c.beginObserver(ctx) }()
}

// begun is an observer that has been begun.
type begun struct {
	session *trace.Session
	err     error
}

func (c *running) beginObserver(ctx context.Context) begun {
	o := trace.ObserverOptions{Socket: c.watcher.socket, Off: c.watcher.socket == ""}
	if !c.profile.Open && !c.profile.LowPorts {
		o.PortStart = 1024
	}
	c.mu.Lock()
	phase := c.watcher.phase
	c.mu.Unlock()
	stream, err := c.e.observer(ctx, o)
	if err != nil {
		return begun{err: err}
	}
	session := trace.Attach(stream)
	_ = session.Phase(ctx, phase) // an error is one of the stream, which its end tells
	return begun{session: session}
}

// errUnobserved is a container that waits for an observer which does not come.
var errUnobserved = errors.New("the container is not observed")

// watch waits for the observer of a container that has just been started.
func (c *running) watch(ctx context.Context) error {
	if c.watcher.next == nil {
		return nil
	}
	next := <-c.watcher.next
	c.watcher.next = nil
	return c.adopt(ctx, next)
}

// adopt makes an observer the one of the container that has just been started, and waits until the application runs. An
// application that no sensor precedes runs unobserved where there is no observer.
func (c *running) adopt(ctx context.Context, next begun) error {
	if next.err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.note("the container cannot be observed: " + next.err.Error())
		c.mu.Lock()
		c.watcher.broken = len(c.watcher.sessions) > 0
		c.mu.Unlock()
		if c.watcher.socket != "" {
			return errUnobserved
		}
		return nil
	}
	c.mu.Lock()
	c.watcher.sessions = append(c.watcher.sessions, next.session)
	c.mu.Unlock()
	waiting, cancel := context.WithTimeout(ctx, 2*sensorWait)
	defer cancel()
	found, err := c.e.cli.ContainerInspect(ctx, c.id)
	if err != nil {
		return fmt.Errorf("inspecting the container: %w", err)
	}
	if found.State.Pid == 0 { // it has ended before its program could run
		_ = next.session.Close()
		return ctx.Err()
	}
	// An error is one of a container that has ended: it has no processes to observe.
	_ = next.session.Target(waiting, found.State.Pid)
	if c.watcher.socket != "" {
		_ = next.session.Started(waiting)
	}
	return ctx.Err()
}

// closeSessions ends the streams of all observers. One whose target is gone, or never came, ends then.
func (c *running) closeSessions(context.Context) error {
	c.mu.Lock()
	sessions := slices.Clone(c.watcher.sessions)
	c.mu.Unlock()
	for _, s := range sessions {
		_ = s.Close() // it may have ended before
	}
	if c.watcher.next != nil { // begun for a start that failed
		if next := <-c.watcher.next; next.session != nil {
			_ = next.session.Close()
		}
		c.watcher.next = nil
	}
	return nil
}

func (c *running) note(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watcher.why == "" {
		c.watcher.why = text
	}
}

// stream is the observer's stdout and stdin.
type stream struct {
	io.Reader
	conn net.Conn
	read *io.PipeReader
}

func (s stream) Write(p []byte) (int, error) { return s.conn.Write(p) }

func (s stream) Close() error { return errors.Join(s.conn.Close(), s.read.Close()) }

// newStream demultiplexes the stream of a command. What it writes to stderr is dropped.
func newStream(conn types.HijackedResponse) stream {
	read, write := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(write, io.Discard, conn.Reader)
		_ = write.CloseWithError(err)
	}()
	return stream{Reader: read, conn: conn.Conn, read: read}
}
