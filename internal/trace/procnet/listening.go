// Package procnet reads the kernel's tables of sockets.
package procnet

import (
	"bytes"
	"slices"
	"strconv"
)

const (
	stateListen = "0A"
	// engineDNS is 127.0.0.11 as the kernel prints it: the resolver that the engine puts into containers of
	// user-defined networks listens there, not the application.
	engineDNS = "0B00007F"
)

// ParseListening reads a /proc/net/tcp or tcp6 table and returns the ports in state LISTEN, sorted, each once. Lines
// that are not of that form are passed over.
func ParseListening(procNetTCP []byte) []int {
	ports := []int{}
	for line := range bytes.Lines(procNetTCP) {
		fields := bytes.Fields(line)
		if len(fields) < 4 || string(fields[3]) != stateListen {
			continue
		}
		addr, port, ok := bytes.Cut(fields[1], []byte(":"))
		if !ok || string(addr) == engineDNS {
			continue
		}
		n, err := strconv.ParseUint(string(port), 16, 16)
		if err != nil || n == 0 {
			continue
		}
		ports = append(ports, int(n))
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}
