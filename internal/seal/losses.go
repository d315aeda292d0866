package seal

// Loss is one thing that the open run did and the sealed run did not do.
type Loss struct {
	Kind   string `json:"kind"`   // "refused", "not attempted", "process", "port" or "log"
	What   string `json:"what"`   // a path, a command, a port or a line
	Detail string `json:"detail"` // one sentence
}
