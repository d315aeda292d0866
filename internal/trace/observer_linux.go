package trace

import (
	"flag"
	"fmt"
	"io"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	flushEvery = 200 * time.Millisecond
	// memoryLimit is when the garbage collector begins to work harder. What is kept is bounded far below: the writes by
	// maxBytes, and for each of at most maxWorkers workers of a filter maxTree and maxCallers.
	memoryLimit = 128 << 20
)

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
	debug.SetMemoryLimit(memoryLimit)
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
