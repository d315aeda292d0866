package trace

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const flushEvery = 200 * time.Millisecond

// observer serves the filters of one container until that container ends.
type observer struct {
	table     *table
	calls     *[abis]map[int]*syscall
	target    atomic.Pointer[container] // nil until the container is there
	portStart int                       // lower ports are denied
	moved     atomic.Uint64             // counted up by calls that may move folders
	changed   atomic.Uint64             // counted up by calls that change who a caller is
	admission *admission
	listeners chan *listener
	over      chan struct{} // closed when there is nothing more to see
	ending    sync.Once
}

// ObserverMain is the program of "podseal observer [--socket NAME] [--off] [--port-start N]". It returns when the
// container that it looks at has ended, or when its input has before there was one.
func ObserverMain(args []string, in io.Reader, out io.Writer) int {
	flags := flag.NewFlagSet("podseal observer", flag.ContinueOnError)
	socket := flags.String("socket", defaultSocket, "name of the socket to listen on")
	off := flags.Bool("off", false, "no sensor will come")
	portStart := flags.Int("port-start", 0, "lowest port that needs no capability")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	// Without an observer the application's calls fail: neither a signal nor a host that is gone ends it.
	signal.Ignore(unix.SIGPIPE, unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
	o := &observer{
		table: newTable(out), calls: callTables(), portStart: *portStart, admission: newAdmission(),
		listeners: make(chan *listener), over: make(chan struct{}),
	}
	o.table.note(kindHello, "")
	if !*off {
		l, err := listen(filepath.Join(Mountpoint, *socket))
		if err != nil {
			o.table.note(kindOff, fmt.Sprintf("not traced: %v", err))
		} else {
			go o.accept(l)
		}
	}
	go o.requests(in)
	o.tick()
	return 0
}

// listen takes the place of an earlier observer's socket. Every user of the target may connect.
func listen(name string) (*net.UnixListener, error) {
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
			o.table.note(kindOff, "not traced: the engine does not let the observer see the container's processes")
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
		o.table.note(kindNote, fmt.Sprintf("a sensor could not hand over: %v", err))
		return
	}
	at := o.target.Load()
	switch {
	case fd < 0 && exec:
		o.table.note(kindNote, h.Note)
	case fd < 0:
		o.table.note(kindOff, h.Note)
	default:
		l, err := newListener(o, fd, h.Bound, exec)
		if err != nil {
			unix.Close(fd)
			o.table.note(kindNote, fmt.Sprintf("a sensor could not hand over: %v", err))
			return
		}
		o.listeners <- l
		if at != nil {
			o.table.note(kindOn, "")
		}
	}
	_, _ = conn.Write([]byte{serving}) // a sensor without a filter need not wait for it
}

// receive greets a sensor and reads its hello. The descriptor is -1 where the sensor has none.
func receive(conn *net.UnixConn) (hello, int, error) {
	if err := conn.SetDeadline(time.Now().Add(helloTime)); err != nil {
		return hello{}, -1, err
	}
	if _, err := conn.Write([]byte{greeting}); err != nil {
		return hello{}, -1, err
	}
	line, oob := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := conn.ReadMsgUnix(line, oob)
	if err != nil {
		return hello{}, -1, err
	}
	fd, err := oneDescriptor(oob[:oobn])
	if err != nil {
		return hello{}, -1, err
	}
	var h hello
	if err := json.Unmarshal(line[:n], &h); err != nil {
		if fd >= 0 {
			unix.Close(fd)
		}
		return hello{}, -1, err
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

// requests answers the host. The end of its input is no reason to end where there is a target: its calls still need
// answers.
func (o *observer) requests(in io.Reader) {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			if o.target.Load() == nil {
				o.end()
			}
			return
		}
		var r request
		if json.Unmarshal(line, &r) != nil {
			continue
		}
		switch r.Do {
		case doPhase:
			o.table.begin(r.Phase)
			o.table.reply(message{Kind: kindReply, Reply: r.ID})
		case doTarget:
			o.begin(r)
		case doAdmit:
			o.admission.expect(r.PID, true, time.Now())
			o.table.reply(message{Kind: kindReply, Reply: r.ID})
		case doListening:
			go o.answer(r, listeningPorts)
		case doProcesses:
			go o.answer(r, processes)
		case doUsage:
			go o.answer(r, func(at *container, m *message) error { return usage(at, r.Paths, m) })
		default:
			o.table.reply(message{Kind: kindReply, Reply: r.ID, Note: "unknown request " + r.Do})
		}
	}
}

// begin begins to observe the process that a request names. Its sensor is served even where the process cannot be
// observed: its calls only continue then.
func (o *observer) begin(r request) {
	m := message{Kind: kindReply, Reply: r.ID}
	switch err := o.watch(r.PID); {
	case errors.Is(err, errTargetEnded):
		m.Ended = true
		o.end()
	case err != nil:
		m.Note = err.Error()
		o.table.note(kindOff, "not traced: "+m.Note)
	}
	o.admission.expect(r.PID, false, time.Now())
	o.table.reply(m)
}

// answer answers a request about the target.
func (o *observer) answer(r request, fill func(*container, *message) error) {
	m := message{Kind: kindReply, Reply: r.ID}
	err := errNoTarget
	if at := o.target.Load(); at != nil {
		err = fill(at, &m)
	}
	switch {
	case errors.Is(err, errTargetEnded):
		m = message{Kind: kindReply, Reply: r.ID, Ended: true}
	case err != nil:
		m = message{Kind: kindReply, Reply: r.ID, Note: err.Error()}
	}
	o.table.reply(m)
}

// tick flushes counts, and gives a listener another worker where the one it has is stuck, as it would be in a file
// system that a traced process serves. It returns when all is over.
func (o *observer) tick() {
	var serving []*listener
	ticker := time.NewTicker(flushEvery)
	for {
		select {
		case <-o.over:
			for _, l := range serving {
				l.finish()
			}
			o.table.flush()
			o.table.note(kindEnd, "")
			return
		case l := <-o.listeners:
			serving = append(serving, l)
			l.grow()
		case now := <-ticker.C:
			if o.admission.expire(now) > 0 {
				o.table.note(kindNote, "a command that was executed in the container was not traced: its sensor did not connect")
			}
			o.table.flush()
			kept := serving[:0]
			for _, l := range serving {
				if !l.ended.Load() {
					l.relieve(now)
					kept = append(kept, l)
				}
			}
			serving = kept
		}
	}
}
