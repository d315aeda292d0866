// Package wire is what the three parts of the tracer agree on: their messages, the places of their files, and the bounds of
// what they keep.
package wire

import "github.com/podseal/podseal/internal/observe"

// The observer's stdout and stdin carry one JSON object a line.

// Message is one line from the observer. Exactly one of its groups is set, by Kind.
type Message struct {
	Kind string `json:"k"`

	Note string `json:"note,omitempty"` // kindNote, kindOff; the reason in a reply that failed

	Key   int            `json:"key,omitempty"`   // kindWrite: the number under which its counts come
	Write *observe.Write `json:"write,omitempty"` // kindWrite: the first of its kind
	Bind  *Bind          `json:"bind,omitempty"`  // kindBind
	// Connection is for kindConnect: a new one, or a known one with a better outcome.
	Connection *observe.Connection `json:"connection,omitempty"`

	Identity *observe.Process `json:"identity,omitempty"` // kindIdentity

	Counts [][2]int `json:"counts,omitempty"` // kindCounts: key and how many more
	Lost   int      `json:"lost,omitempty"`   // kindCounts: so far
	Noise  int      `json:"noise,omitempty"`  // kindCounts: so far
	// Dropped is for kindCounts: notes beyond the bound, so far.
	Dropped int `json:"dropped,omitempty"`

	Reply     int               `json:"reply,omitempty"` // kindReply: the request's number
	Ended     bool              `json:"ended,omitempty"` // kindReply: no answer, because the target has ended
	Ports     []int             `json:"ports,omitempty"`
	Processes []observe.Process `json:"processes,omitempty"`
	Usage     []observe.Usage   `json:"usage,omitempty"`
	// Connections are in the reply to DoConnections.
	Connections []observe.Connection `json:"connections,omitempty"`
}

// The kinds of messages.
const (
	KindHello    = "hello"    // the observer is up
	KindOn       = "on"       // a descriptor was received
	KindOff      = "off"      // the sensor says why there is none
	KindNote     = "note"     // something that is not covered
	KindWrite    = "write"    // a new write
	KindBind     = "bind"     // a new bind of a port
	KindConnect  = "connect"  // a connection
	KindIdentity = "identity" // a user and groups that a process took, or writes as
	KindCounts   = "counts"   // repetitions
	KindReply    = "reply"    // answers a request
	KindEnd      = "end"      // the target has ended: the last message
)

// Request is one line to the observer.
type Request struct {
	ID    int           `json:"id"`
	Do    string        `json:"do"`
	PID   int           `json:"pid,omitempty"` // doTarget, doAdmit: a process, as the engine's host numbers it
	Phase observe.Phase `json:"phase,omitempty"`
	Paths []string      `json:"paths,omitempty"`
}

// The kinds of requests.
const (
	DoPhase     = "phase"
	DoTarget    = "target" // names the target's first process
	DoAdmit     = "admit"  // names a process that the engine has executed in the target
	DoListening = "listening"
	DoProcesses = "processes"
	DoUsage     = "usage"
	// DoConnections asks for the connections that are open now.
	DoConnections = "connections"
	// DoKill kills the target's first process. The end of the target is the answer; a reply says why it failed.
	DoKill = "kill"
)

// Bind is the first attempt of a process to bind an internet socket to a fixed port. Whether it is TCP or UDP is not
// known.
type Bind struct {
	Port    int             `json:"port"`
	Phase   observe.Phase   `json:"phase"`
	Outcome observe.Outcome `json:"outcome"`
	Errno   string          `json:"errno,omitempty"` // "EACCES" for a port below the unprivileged ones
	PID     int             `json:"pid"`
	Command string          `json:"command"`
	UID     int64           `json:"uid"`
}

// The sensor's connection to the observer: the observer sends greeting once it has recognised the peer, the sensor sends
// one hello and the descriptor, and the observer sends serving when it answers the notifications.
const (
	Greeting = 'g'
	Serving  = 's'
)

// Hello is the sensor's one message to the observer. The descriptor of the notifications accompanies it.
type Hello struct {
	Note string `json:"note,omitempty"` // why there is no descriptor
	// Bound is true where no_new_privs was set before the sensor ran.
	Bound bool `json:"bound,omitempty"`
}
