// Package doctor lists what an engine or a cluster can and cannot do for podseal, with the consequence of each and what to
// do. It takes facts that were probed elsewhere and returns values.
package doctor

// State is the answer for one capability.
type State string

// The states.
const (
	Yes     State = "yes"
	No      State = "no"
	Unknown State = "unknown" // it could not be asked; Detail says why
)

// Capability is one thing that an engine or a cluster can or cannot do.
type Capability struct {
	// ID is the stable name for programs: "tracing".
	ID   string `json:"id"`
	Name string `json:"name"`
	Has  State  `json:"has"`
	// Required is set where podseal cannot work without it.
	Required bool `json:"required,omitempty"`
	// Detail is the fact that the answer rests on: a version, a message, a number.
	Detail string `json:"detail,omitempty"`
	// Consequence is what the answer means for a seal.
	Consequence string `json:"consequence"`
	// Remedy is what a user can do; empty where there is nothing to do.
	Remedy string `json:"remedy,omitempty"`
}

// Report is the answer of podseal doctor.
type Report struct {
	Version      int          `json:"version"`
	Subject      string       `json:"subject"` // "Docker 28.1 at unix:///var/run/docker.sock"
	Capabilities []Capability `json:"capabilities"`
}

// reportVersion is the version of the JSON format.
const reportVersion = 1

// Works reports whether nothing that podseal requires is missing.
func (r Report) Works() bool {
	for _, c := range r.Capabilities {
		if c.Required && c.Has == No {
			return false
		}
	}
	return true
}

// is returns the state of a fact that is known.
func is(has bool) State {
	if has {
		return Yes
	}
	return No
}

// choose returns the first text where has is true, else the second.
func choose(has bool, yes, no string) string {
	if has {
		return yes
	}
	return no
}
