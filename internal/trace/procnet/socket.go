package procnet

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"
)

// State is the state of a socket, as the kernel numbers it.
type State uint8

// The states that mean something here. A connected UDP socket is Established.
const (
	Established State = 1
	SynSent     State = 2
	Closed      State = 7
	Listen      State = 10
)

// Socket is one line of a table of sockets.
type Socket struct {
	Local, Remote netip.AddrPort
	State         State
	UID           int64
}

// ParseSockets reads a table in the form of /proc/net/tcp, tcp6, udp or udp6. Lines that are not of that form are passed
// over.
func ParseSockets(table []byte) []Socket {
	var out []Socket
	for line := range bytes.Lines(table) {
		f := bytes.Fields(line)
		if len(f) < 8 {
			continue
		}
		local, ok := parseHexAddress(f[1])
		remote, ok2 := parseHexAddress(f[2])
		state, err := strconv.ParseUint(string(f[3]), 16, 8)
		uid, err2 := strconv.ParseInt(string(f[7]), 10, 64)
		if ok && ok2 && err == nil && err2 == nil {
			out = append(out, Socket{Local: local, Remote: remote, State: State(state), UID: uid})
		}
	}
	return out
}

// parseHexAddress reads ADDRESS:PORT in hexadecimal digits, where each four bytes of the address are one little-endian word.
func parseHexAddress(b []byte) (netip.AddrPort, bool) {
	address, port, _ := bytes.Cut(b, []byte(":"))
	raw := make([]byte, hex.DecodedLen(len(address)))
	n, err := strconv.ParseUint(string(port), 16, 16)
	if _, hexErr := hex.Decode(raw, address); err != nil || hexErr != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for word := range len(raw) / 4 {
		binary.BigEndian.PutUint32(raw[4*word:], binary.LittleEndian.Uint32(raw[4*word:]))
	}
	a, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), ok
}

// Outgoing returns the sockets that connect, or have connected, to other machines. A socket at a port that another one
// serves was accepted there: its peer has connected. A UDP socket serves its port if it has no peer.
func Outgoing(sockets []Socket) []Socket {
	served := map[uint16]bool{}
	for _, s := range sockets {
		if s.State == Listen || s.State == Closed && s.Remote.Port() == 0 {
			served[s.Local.Port()] = true
		}
	}
	var out []Socket
	for _, s := range sockets {
		if s.State != Listen && s.State != Closed && Outside(s.Remote) && s.Remote.Addr() != s.Local.Addr() && !served[s.Local.Port()] {
			out = append(out, s)
		}
	}
	return out
}
