// Package observer is the tracer's process outside the target: it receives the notifications of the target's calls, works
// out what each call writes and whether the kernel will allow it, and sends that to the host.
package observer

import (
	"flag"
	"fmt"
	"io"
	"os/signal"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/podseal/podseal/internal/trace/syscalls"
	"github.com/podseal/podseal/internal/trace/wire"
	"golang.org/x/sys/unix"
)

const (
	flushEvery = 200 * time.Millisecond
	// memoryLimit is the garbage collector's soft limit. The data that are kept are bounded far below: the writes by
	// wire.MaxBytes, and each of at most maxWorkers workers of a filter by maxTree and maxCallers.
	memoryLimit = 128 << 20
)

// observer serves the filters of one container until that container ends.
type observer struct {
	table       *table
	calls       *syscalls.Table
	target      atomic.Pointer[container] // nil until the container is known
	portStart   int                       // lower ports are denied
	moved       atomic.Uint64             // counted up by calls that may move folders
	changed     atomic.Uint64             // counted up by calls that change who a caller is
	admission   *admission
	connections *connections
	listeners   chan *listener
	over        chan struct{} // closed when the target has ended
	ending      sync.Once
}

// Main runs "podseal observer [--socket NAME] [--off] [--port-start N]". It returns when the container that it observes has
// ended, or when its input has ended before there was one.
func Main(args []string, in io.Reader, out io.Writer) int {
	flags := flag.NewFlagSet("podseal observer", flag.ContinueOnError)
	socket := flags.String("socket", wire.DefaultSocket, "name of the socket to listen on")
	off := flags.Bool("off", false, "no sensor will come")
	portStart := flags.Int("port-start", 0, "lowest port that needs no capability")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	debug.SetMemoryLimit(memoryLimit)
	// Without an observer the application's calls fail: neither a signal nor a host that is gone ends it.
	signal.Ignore(unix.SIGPIPE, unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
	o := &observer{
		table: newTable(out), calls: syscalls.Tables(), portStart: *portStart, admission: newAdmission(), connections: newConnections(),
		listeners: make(chan *listener), over: make(chan struct{}),
	}
	o.table.note(wire.KindHello, "")
	if !*off {
		l, err := listen(wire.SocketAddress(*socket))
		if err != nil {
			o.table.note(wire.KindOff, fmt.Sprintf("not traced: %v", err))
		} else {
			go o.accept(l)
		}
	}
	go o.requests(in)
	o.tick()
	return 0
}

// tick flushes counts, and adds a worker to a listener whose workers are stuck, as they are in a file system that a traced
// process serves. It returns when the target has ended.
func (o *observer) tick() {
	var active []*listener
	ticker := time.NewTicker(flushEvery)
	for {
		select {
		case <-o.over:
			for _, l := range active {
				l.finish()
			}
			o.table.flush()
			o.table.note(wire.KindEnd, "")
			return
		case l := <-o.listeners:
			active = append(active, l)
			l.addWorker()
		case now := <-ticker.C:
			if o.admission.expire(now) > 0 {
				o.table.note(wire.KindNote, "a command that was executed in the container was not traced: its sensor did not connect")
			}
			o.table.flush()
			o.confirm()
			kept := active[:0]
			for _, l := range active {
				if !l.ended.Load() {
					l.unblock(now)
					kept = append(kept, l)
				}
			}
			active = kept
		}
	}
}
