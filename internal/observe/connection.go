package observe

import (
	"cmp"
	"slices"
)

// Connection is an address that the container connected to, or sent datagrams to. Connections to itself are left out, and
// so are the answers of a server. Equal ones are merged.
type Connection struct {
	Protocol string `json:"protocol"` // "tcp" or "udp"
	Address  string `json:"address"`  // an IP address in its canonical form
	Port     int    `json:"port"`
	// Peer is the name of the service at the address, on the network of the run; empty for any other address.
	Peer  string `json:"peer,omitempty"`
	Phase Phase  `json:"phase"`
	// Outcome is Allowed where the connection was established or datagrams were sent. Unknown is an attempt: the answer was
	// not seen, or, by UDP, nothing may have been sent (resolvers connect to an address to find their own).
	Outcome Outcome `json:"outcome"`

	// PID and Command are those of the first process. They are not set where the table of sockets showed the connection,
	// and not the tracer.
	PID     int    `json:"pid,omitempty"`
	Command string `json:"command,omitempty"`
	UID     int64  `json:"uid"`
	// Exec is true where a command that was executed in the running container made the connection.
	Exec bool `json:"exec,omitempty"`
}

// sameAs reports whether two connections differ by their first process and their outcome at most.
func (c Connection) sameAs(d Connection) bool {
	c.PID, c.Outcome = d.PID, d.Outcome
	return c == d
}

// MergeConnections adds connections to a list, and sorts it. A known one only improves its outcome, and one without a
// command, from a table of sockets, only that of the connections to the same address.
func MergeConnections(all, more []Connection) []Connection {
	out := slices.Clone(all)
	for _, c := range more {
		out = AddConnection(out, c)
	}
	slices.SortStableFunc(out, compareConnections)
	return out
}

// AddConnection adds a connection to a list as MergeConnections does, in place and without sorting it.
func AddConnection(all []Connection, c Connection) []Connection {
	known := false
	for i, d := range all {
		sampled := c.Command == "" && c.Protocol == d.Protocol && c.Address == d.Address && c.Port == d.Port
		if !sampled && !d.sameAs(c) {
			continue
		}
		known = true
		if c.Outcome == Allowed {
			all[i].Outcome = Allowed
		}
	}
	if known {
		return all
	}
	return append(all, c)
}

func compareConnections(a, b Connection) int {
	return cmp.Or(cmp.Compare(a.Address, b.Address), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol),
		cmp.Compare(a.Phase, b.Phase), cmp.Compare(a.Command, b.Command), cmp.Compare(a.UID, b.UID), cmp.Compare(a.PID, b.PID))
}
