package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// execPoll is the pause between two questions whether a command has ended whose output has.
const execPoll = 20 * time.Millisecond

// ExecNotices are called while a command is executed; each may be nil.
type ExecNotices struct {
	Created func(id string)                    // before the command starts
	Started func(ctx context.Context, pid int) // with the number of its process on the engine's host, in parallel with it
}

// Exec runs a command in the container and returns its exit code and the last part of its output.
func (b *Container) Exec(ctx context.Context, argv []string, notices ExecNotices) (code int, output string, err error) {
	code, output, err = b.exec(ctx, argv, notices)
	if err != nil {
		return 0, "", b.failure(ctx, fmt.Sprintf("running %s in", strings.Join(argv, " ")), err)
	}
	return code, output, nil
}

func (b *Container) exec(ctx context.Context, argv []string, notices ExecNotices) (int, string, error) {
	api := b.conn.api
	made, err := api.ContainerExecCreate(ctx, b.ID, container.ExecOptions{Cmd: argv, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return 0, "", err
	}
	if notices.Created != nil {
		notices.Created(made.ID)
	}
	conn, err := api.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	if err != nil {
		return 0, "", err
	}
	defer conn.Close()
	if notices.Started != nil {
		within, done := context.WithCancel(ctx)
		defer done()
		go b.reportPID(within, made.ID, notices.Started)
	}
	stop := context.AfterFunc(ctx, conn.Close) // the stream itself does not end with the context
	defer stop()
	kept := &tail{limit: maxOutput}
	if _, err := stdcopy.StdCopy(kept, kept, conn.Reader); err != nil || ctx.Err() != nil {
		return 0, "", errors.Join(err, ctx.Err())
	}
	for {
		found, err := api.ContainerExecInspect(ctx, made.ID)
		if err != nil {
			return 0, "", err
		}
		if !found.Running { // the stream may end a moment earlier
			return found.ExitCode, kept.String(), nil
		}
		if !pause(ctx, execPoll) {
			return 0, "", ctx.Err()
		}
	}
}

// pidPoll is the pause between two questions for the process of a command.
const pidPoll = 5 * time.Millisecond

// reportPID calls started with the process of a command, which the engine reports a moment after the start. It ends with
// the context, or when the command has ended.
func (b *Container) reportPID(ctx context.Context, id string, started func(context.Context, int)) {
	for {
		found, err := b.conn.api.ContainerExecInspect(ctx, id)
		switch {
		case err != nil || found.ExitCode != 0:
			return
		case found.Pid != 0:
			started(ctx, found.Pid)
			return
		case !pause(ctx, pidPoll):
			return
		}
	}
}

// Attach returns stdin and stdout of a container with a lease. The engine closes the container's stdin when the stream
// is closed, and when the client is gone. The stream outlives the context.
func (b *Container) Attach(ctx context.Context) (io.ReadWriteCloser, error) {
	conn, err := b.conn.api.ContainerAttach(context.WithoutCancel(ctx), b.ID, container.AttachOptions{
		Stream: true, Stdin: true, Stdout: true,
	})
	if err != nil {
		return nil, b.failure(ctx, "attaching to", err)
	}
	return newStream(conn), nil
}

// stream is stdout and stdin of a process in a container.
type stream struct {
	io.Reader
	conn net.Conn
	read *io.PipeReader
}

func (s stream) Write(p []byte) (int, error) { return s.conn.Write(p) }

func (s stream) Close() error { return errors.Join(s.conn.Close(), s.read.Close()) }

// newStream demultiplexes the stream of a process. Its stderr is dropped.
func newStream(conn types.HijackedResponse) stream {
	read, write := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(write, io.Discard, conn.Reader)
		_ = write.CloseWithError(err)
	}()
	return stream{Reader: read, conn: conn.Conn, read: read}
}

// tail keeps the last bytes that were written to it.
type tail struct {
	limit int
	buf   bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	n, _ := t.buf.Write(p)
	if extra := t.buf.Len() - t.limit; extra > t.limit { // not at each write: moving the rest costs
		t.buf.Next(extra)
	}
	return n, nil
}

// String returns the kept bytes, from the start of a line.
func (t *tail) String() string {
	b := t.buf.Bytes()
	if len(b) <= t.limit {
		return string(b)
	}
	b = b[len(b)-t.limit:]
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[i+1:]
	}
	return string(b)
}

// Event is the start of a container, or of a command in it.
type Event struct {
	ExecID  string // of the command; "" for the container itself
	Command string // of the command
}

// Follow calls handle for the starts of a container and of commands in it, until the context ends. The container need not
// exist yet. lost is called once where the events end before the context.
func (c *Client) Follow(ctx context.Context, name string, handle func(Event), lost func(error)) {
	starts, failed := c.api.Events(ctx, events.ListOptions{Filters: filters.NewArgs(
		filters.Arg("type", string(events.ContainerEventType)), filters.Arg("container", name),
		filters.Arg("event", string(events.ActionExecStart)), filters.Arg("event", string(events.ActionStart)),
	)})
	go func() {
		for {
			select {
			case m := <-starts:
				if m.Action == events.ActionStart {
					handle(Event{})
				} else if _, command, ok := strings.Cut(string(m.Action), ": "); ok {
					handle(Event{ExecID: m.Actor.Attributes["execID"], Command: command})
				}
			case err := <-failed:
				if ctx.Err() == nil {
					lost(c.failure(ctx, "following", "container "+name, err))
				}
				return
			}
		}
	}()
}
