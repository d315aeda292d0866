package observer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace/procnet"
	"github.com/podseal/podseal/internal/trace/syscalls"
	"github.com/podseal/podseal/internal/trace/wire"
	"golang.org/x/sys/unix"
)

// maxAddress is the largest address that the observer reads: a unix socket's.
const maxAddress = 110

// socket inspects a call that gives a socket a name or a peer, or sends a datagram to one.
func (a *attempt) socket() effect {
	action, args := a.call.Action, a.args
	if action == syscalls.ActSockets {
		words, err := a.mem.words(a.c.tid, a.args[1], 4, 6)
		if err != nil {
			return effect{}
		}
		switch copy(args[:], words); a.args[0] {
		case syscalls.SysBind:
			action = syscalls.ActBind
		case syscalls.SysConnect:
			action = syscalls.ActConnect
		case syscalls.SysSendTo:
			action = syscalls.ActSend
		}
	}
	addr, size := args[1], args[2]
	if action == syscalls.ActSend {
		addr, size = args[4], args[5]
	}
	if addr == 0 { // a send through a socket that is connected
		a.noise = true
		return effect{}
	}
	b := make([]byte, min(size&0xffffffff, maxAddress))
	if n, err := a.mem.read(a.c.tid, addr, b); err != nil || n < 4 {
		return effect{}
	}
	if action == syscalls.ActBind {
		return a.bind(int32(args[0]), b)
	}
	return a.connect(int32(args[0]), b, action)
}

// bind inspects the name that a socket gets.
func (a *attempt) bind(fd int32, b []byte) effect {
	switch binary.LittleEndian.Uint16(b) {
	case unix.AF_UNIX:
		name, _, _ := bytes.Cut(b[2:], []byte{0})
		if len(name) == 0 { // an abstract name
			a.noise = true
			return effect{}
		}
		p, ok := a.find("", syscalls.NoFD, string(name), false)
		if !ok {
			return effect{}
		}
		return effect{write: a.write(p, judgeCreate(a.c, p, "EADDRINUSE", false))}
	case unix.AF_INET, unix.AF_INET6:
		if port := binary.BigEndian.Uint16(b[2:]); port != 0 {
			if a.protocol(fd) == udp {
				a.connections.serve(a.inode(fd))
			}
			return effect{bind: &wire.Bind{Port: int(port), PID: a.c.pid, Command: a.c.command, UID: int64(a.c.uid)}}
		}
	}
	return effect{}
}

// connect inspects the peer that a socket gets, or that a datagram goes to.
func (a *attempt) connect(fd int32, b []byte, action syscalls.Action) effect {
	at, ok := procnet.ParseAddress(b)
	if a.noise = true; !ok || !procnet.Outside(at) {
		return effect{}
	}
	c := &observe.Connection{
		Protocol: udp, Address: at.Addr().String(), Port: int(at.Port()), Phase: a.phase, Outcome: observe.Unknown,
		PID: a.c.inner, Command: a.c.command, UID: int64(a.c.uid), Exec: a.exec,
	}
	if action == syscalls.ActSend && a.connections.repeated(*c) { // asking for the protocol takes two more calls
		return effect{}
	}
	c.Protocol = a.protocol(fd)
	if c.Protocol == "" || c.Protocol == udp && action == syscalls.ActSend && a.connections.serves(a.inode(fd)) {
		return effect{} // neither of the two protocols, or a server's answer
	}
	if c.Protocol == udp && (action == syscalls.ActSend || at.Port() == dnsPort) {
		c.Outcome = observe.Allowed
	}
	a.noise = false
	return effect{connection: c}
}

// The protocols of connections.
const (
	tcp = "tcp"
	udp = "udp"
	// dnsPort is the port of queries that are answered before any table is read.
	dnsPort = 53
)

// protocol returns the protocol of a socket, "" for any other than the two.
func (a *attempt) protocol(fd int32) string {
	b := make([]byte, 32)
	n := 0
	if err := a.atFD(fd, func(at string) (err error) {
		n, err = unix.Getxattr(at, "system.sockprotoname", b)
		return err
	}); err != nil {
		return ""
	}
	switch name := strings.TrimSuffix(strings.TrimRight(string(b[:n]), "\x00"), "v6"); name {
	case "TCP", "MPTCP":
		return tcp
	case "UDP", "UDP-Lite":
		return udp
	}
	return ""
}

// inode returns the name of a socket that no other open one has; "" if it has been closed.
func (a *attempt) inode(fd int32) string {
	name, err := a.fdTarget(strconv.Itoa(int(fd)))
	if err != nil {
		return ""
	}
	return name
}

// maxTableAge bounds the age of a table that answers another request: a probe and the requests that follow it.
const maxTableAge = 50 * time.Millisecond

// tcpTables reads the tables of TCP sockets in a container's network namespace. The kernel takes milliseconds to print one,
// since it scans the sockets of all namespaces, but counts those of one at once. So a table without sockets is not read, and
// one that was just read is kept while the counts are the same.
type tcpTables struct {
	mu     sync.Mutex // one scan at a time
	kept   map[string][]byte
	at     time.Time
	counts procnet.Counts // at that time
}

// read returns net/tcp and net/tcp6, one after the other. Sockets in TIME_WAIT may be missing unless waiting is set.
func (x *tcpTables) read(c *container, waiting bool) ([]byte, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	counts, ok := c.socketCounts()
	if !ok {
		return c.tables("tcp", "tcp6")
	}
	if now := time.Now(); counts != x.counts || now.Sub(x.at) > maxTableAge {
		x.kept, x.at, x.counts = map[string][]byte{}, now, counts
	}
	var out []byte
	for _, t := range []struct {
		name  string
		count int
	}{{"tcp", counts.TCP}, {"tcp6", counts.TCP6}} {
		if t.count == 0 && (counts.Waiting == 0 || !waiting) {
			continue
		}
		b, known := x.kept[t.name]
		if !known {
			var err error
			if b, err = c.tables(t.name); err != nil {
				return nil, err
			}
			x.kept[t.name] = b
		}
		out = append(out, b...)
	}
	return out, nil
}

// socketCounts returns the numbers of TCP sockets in the container's network namespace, if the kernel counts them.
func (c *container) socketCounts() (procnet.Counts, bool) {
	all, err := c.tables("sockstat", "sockstat6")
	if err != nil {
		return procnet.Counts{}, false
	}
	return procnet.ParseCounts(all)
}

// tables reads files of the container's network namespace in /proc, one after the other. A kernel without IPv6 lacks those
// whose name ends in 6.
func (c *container) tables(names ...string) ([]byte, error) {
	var out []byte
	for _, name := range names {
		b, err := readBounded(c.proc("net/"+name), maxTable)
		if err != nil {
			if strings.HasSuffix(name, "6") && os.IsNotExist(err) {
				continue
			}
			return nil, err
		}
		out = append(out, b...)
	}
	return out, nil
}

// sockets reads the tables of a protocol in the target's network namespace.
func (c *container) sockets(protocol string) ([]procnet.Socket, error) {
	var b []byte
	var err error
	if protocol == tcp {
		b, err = c.tcp.read(c, true)
	} else {
		b, err = c.tables("udp", "udp6")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the sockets of the container: %w", procError(err))
	}
	return procnet.ParseSockets(b), nil
}

// openConnections lists the connections to other machines that are open now.
func openConnections(at *container, m *wire.Message) error {
	for _, protocol := range []string{tcp, udp} {
		all, err := at.sockets(protocol)
		if err != nil {
			return err
		}
		var found []observe.Connection
		for _, s := range procnet.Outgoing(all) {
			c := observe.Connection{
				Protocol: protocol, Address: s.Remote.Addr().String(), Port: int(s.Remote.Port()), UID: s.UID, Outcome: observe.Allowed,
			}
			if s.State == procnet.SynSent {
				c.Outcome = observe.Unknown
			}
			found = append(found, c)
		}
		m.Connections = observe.MergeConnections(m.Connections, found)
	}
	m.Connections = m.Connections[:min(len(m.Connections), wire.MaxConnections)]
	return nil
}

// connect records a connection.
func (o *observer) connect(c observe.Connection, now time.Time) {
	switch isNew, overflow := o.connections.add(c, now); {
	case isNew:
		o.table.reply(wire.Message{Kind: wire.KindConnect, Connection: &c})
	case overflow:
		o.table.note(wire.KindNote, fmt.Sprintf("the container connected to more than %d addresses: further ones are not listed", wire.MaxConnections))
	}
}

// confirm inspects the tables for connections whose outcome is not known yet.
func (o *observer) confirm() {
	at := o.target.Load()
	if at == nil {
		return
	}
	for _, protocol := range []string{tcp, udp} {
		if !o.connections.waits(protocol) {
			continue
		}
		all, err := at.sockets(protocol)
		if err != nil {
			continue // the container is about to end
		}
		found := map[netip.AddrPort]bool{}
		for _, s := range all {
			if s.State != procnet.SynSent && s.State != procnet.Closed {
				found[s.Remote] = true
			}
		}
		for _, c := range o.connections.confirm(protocol, found) {
			o.table.reply(wire.Message{Kind: wire.KindConnect, Connection: &c})
		}
	}
}
