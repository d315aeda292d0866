package observe

// FailureKind says in which way a run failed.
type FailureKind string

// The ways in which a run fails. The zero value is a run that passed.
const (
	SeedFailed     FailureKind = "seed"            // an init container of a mount failed, or cannot run
	PodFailed      FailureKind = "pod"             // another container of the pod, or a hook, failed
	Exited         FailureKind = "exited"          // the container ended by itself
	NotReady       FailureKind = "not ready"       // it was not ready within its limit
	CommandFailed  FailureKind = "command"         // an e2e command exited with another status than 0
	CommandTimeout FailureKind = "command timeout" // an e2e command did not end within its limit
	StopFailed     FailureKind = "stop"            // it exited otherwise when it was stopped than the open run did
)

// Failure is why a run did not pass.
type Failure struct {
	Kind  FailureKind `json:"kind"`
	Phase Phase       `json:"phase"`
	// Path is the mount whose init container failed. Only a SeedFailed has one: the application has then not run.
	Path string `json:"path,omitempty"`
	Text string `json:"text"` // one sentence
}

// Same reports whether two failures are alike: of one kind, in one phase, at one path.
func (f Failure) Same(g Failure) bool {
	return f.Kind == g.Kind && f.Phase == g.Phase && f.Path == g.Path
}
