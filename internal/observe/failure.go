package observe

// FailureKind is the way a run failed.
type FailureKind string

// The kinds of failures. The zero value means that the run passed.
const (
	SeedFailed     FailureKind = "seed"            // an init container of a mount failed, or cannot run
	PodFailed      FailureKind = "pod"             // another container of the pod, or a hook, failed
	Exited         FailureKind = "exited"          // the container exited by itself
	NotReady       FailureKind = "not ready"       // the container was not ready within its limit
	CommandFailed  FailureKind = "command"         // an e2e command exited with a status other than 0
	CommandTimeout FailureKind = "command timeout" // an e2e command did not end within its limit
	StopFailed     FailureKind = "stop"            // the container's exit status after the stop differs from that of the open run
)

// Failure describes why a run did not pass. The zero value means that the run passed.
type Failure struct {
	Kind  FailureKind `json:"kind"`
	Phase Phase       `json:"phase"`
	// Path is the mount whose init container failed, so the application did not run. Only a SeedFailed sets it.
	Path string `json:"path,omitempty"`
	// Suite is the suite of the e2e command that failed; empty for any other failure, and for a command of no suite.
	Suite string `json:"suite,omitempty"`
	Text  string `json:"text"` // one sentence for the report
}

// Same reports whether two failures have the same kind, phase and path. It does not compare the texts.
func (f Failure) Same(g Failure) bool {
	return f.Kind == g.Kind && f.Phase == g.Phase && f.Path == g.Path
}
