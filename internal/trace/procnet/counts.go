package procnet

import (
	"bytes"
	"strconv"
)

// Counts are the numbers of TCP sockets in a network namespace.
type Counts struct {
	TCP, TCP6 int // that listen, connect or are connected, by the protocol of the socket
	Waiting   int // of both protocols, in TIME_WAIT; a kernel before Linux 5.18 counts those of all namespaces
}

// ParseCounts reads the contents of /proc/net/sockstat and sockstat6, one after the other. ok is false where they have no
// counts of TCP. Without those of sockstat6 there is no IPv6.
func ParseCounts(sockstat []byte) (c Counts, ok bool) {
	for line := range bytes.Lines(sockstat) {
		var found, foundWaiting bool
		switch f := bytes.Fields(line); {
		case len(f) == 0:
		case string(f[0]) == "TCP:":
			c.TCP, found = count(f, "inuse")
			c.Waiting, foundWaiting = count(f, "tw")
			ok = found && foundWaiting
		case string(f[0]) == "TCP6:":
			if c.TCP6, found = count(f, "inuse"); !found {
				return c, false
			}
		}
	}
	return c, ok
}

// count returns the number that follows a name.
func count(fields [][]byte, name string) (int, bool) {
	for i, f := range fields[:len(fields)-1] {
		if string(f) == name {
			n, err := strconv.Atoi(string(fields[i+1]))
			return n, err == nil
		}
	}
	return 0, false
}
