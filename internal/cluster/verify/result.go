package verify

import (
	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/observe"
)

// Verdict says whether the cluster agrees with the seal.
type Verdict string

// The verdicts.
const (
	// Agreed is a workload that the cluster admits, and that passes there as it passed under Docker.
	Agreed Verdict = "agreed"
	// Differs is a workload that the cluster admits, and that does not pass there.
	Differs Verdict = "differs"
	// Refused is a workload that the cluster does not admit.
	Refused Verdict = "refused"
	// Undecided is a run that something outside the workload disturbed.
	Undecided Verdict = "undecided"
)

// Source is where a difference was seen.
type Source string

// The sources of differences.
const (
	Setting Source = "setting"     // a field that the cluster or the kubelet refuses
	Event   Source = "event"       // what the cluster reported about the pod
	Log     Source = "log"         // a line of the application
	Denied  Source = "denied path" // a path that the application could not write
	Command Source = "command"     // an e2e command
	State   Source = "state"       // of the pod or a container
)

// Difference is one fact by which the cluster differs from the confirmation run under Docker.
type Difference struct {
	Source  Source `json:"source"`
	Subject string `json:"subject,omitempty"` // the field, the path, the command, the reason of the event
	Text    string `json:"text"`
}

// Result is the answer of podseal verify.
type Result struct {
	Version   int     `json:"version"`
	Cluster   string  `json:"cluster"`
	Workload  string  `json:"workload"`
	Container string  `json:"container"`
	Namespace string  `json:"namespace"` // the temporary one
	Verdict   Verdict `json:"verdict"`
	// Failure is the first fact that made the run fail; empty where it passed.
	Failure     string                  `json:"failure,omitempty"`
	Differences []Difference            `json:"differences,omitempty"`
	Commands    []observe.CommandResult `json:"commands,omitempty"`
	ReadySecond float64                 `json:"readySeconds,omitempty"`
	// Restarted is set where the container was restarted over its volumes, and passed again.
	Restarted bool     `json:"restarted"`
	Notes     []string `json:"notes,omitempty"`

	refusals []*kube.Refusal
}

// resultVersion is the version of the JSON format.
const resultVersion = 1
