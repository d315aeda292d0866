package observer

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/trace/wire"
	"golang.org/x/sys/unix"
)

// listen takes the place of an earlier observer's socket. Every user of the target may connect.
func listen(name string) (*net.UnixListener, error) {
	if strings.HasPrefix(name, wire.AbstractMark) { // it has no mode, and ends with its observer
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
		if err != nil {
			return nil, fmt.Errorf("making the socket: %w", err)
		}
		return l, nil
	}
	if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("removing an old socket: %w", err)
	}
	// The sensor must not connect before the mode is right: it is renamed when ready.
	tmp := name + ".new"
	os.Remove(tmp)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: tmp, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("making the socket: %w", err)
	}
	l.SetUnlinkOnClose(false)
	if err := os.Chmod(tmp, 0o666); err != nil {
		return nil, fmt.Errorf("opening the socket to every user: %w", err)
	}
	if err := os.Rename(tmp, name); err != nil {
		return nil, fmt.Errorf("putting the socket in its place: %w", err)
	}
	return l, nil
}

// accept accepts the sensors that are expected: the entrypoint's, and those of commands that are executed in the
// container. Any other peer is a process of a target and gets no answer.
func (o *observer) accept(l *net.UnixListener) {
	for {
		o.admission.wait()
		conn, err := l.AcceptUnix()
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		pid, err := peer(conn)
		if err != nil || pid <= 0 {
			o.table.note(wire.KindOff, "not traced: the engine does not let the observer see the container's processes")
		}
		exec, expected := o.admission.take(pid)
		if err != nil || !expected {
			conn.Close()
			continue
		}
		go o.welcome(conn, exec)
	}
}

// welcome receives the descriptor of a sensor that was expected, and answers when its calls are served.
func (o *observer) welcome(conn *net.UnixConn, exec bool) {
	defer conn.Close()
	h, fd, err := receive(conn)
	if err != nil {
		o.table.note(wire.KindNote, fmt.Sprintf("a sensor could not hand over: %v", err))
		return
	}
	at := o.target.Load()
	switch {
	case fd < 0 && exec:
		o.table.note(wire.KindNote, h.Note)
	case fd < 0:
		o.table.note(wire.KindOff, h.Note)
	default:
		l, err := newListener(o, fd, h.Bound, exec)
		if err != nil {
			unix.Close(fd)
			o.table.note(wire.KindNote, fmt.Sprintf("a sensor could not hand over: %v", err))
			return
		}
		o.listeners <- l
		if at != nil {
			o.table.note(wire.KindOn, "")
		}
	}
	_, _ = conn.Write([]byte{wire.Serving}) // a sensor without a filter need not wait for it
}

// receive greets a sensor and reads its hello. The descriptor is -1 where the sensor has none.
func receive(conn *net.UnixConn) (wire.Hello, int, error) {
	if err := conn.SetDeadline(time.Now().Add(helloTime)); err != nil {
		return wire.Hello{}, -1, err
	}
	if _, err := conn.Write([]byte{wire.Greeting}); err != nil {
		return wire.Hello{}, -1, err
	}
	line, oob := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := conn.ReadMsgUnix(line, oob)
	if err != nil {
		return wire.Hello{}, -1, err
	}
	fd, err := oneDescriptor(oob[:oobn])
	if err != nil {
		return wire.Hello{}, -1, err
	}
	var h wire.Hello
	if err := json.Unmarshal(line[:n], &h); err != nil {
		if fd >= 0 {
			unix.Close(fd)
		}
		return wire.Hello{}, -1, err
	}
	return h, fd, nil
}

func oneDescriptor(oob []byte) (int, error) {
	if len(oob) == 0 {
		return -1, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return -1, err
	}
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return -1, err
		}
		for i, extra := range fds {
			if i > 0 {
				unix.Close(extra)
			}
		}
		if len(fds) > 0 {
			return fds[0], nil
		}
	}
	return -1, nil
}
