// Package observe defines the observation of one run of a container: its changes, its writes, its processes, its listening
// ports, its logs and its exit. It holds values only and never calls an engine.
package observe

import "time"

// Phase is a part of a run. Every change, write and exit belongs to the phase that first showed it.
type Phase string

// The phases of a run, in their order.
const (
	Start   Phase = "start"   // from the container's start until it is ready
	E2E     Phase = "e2e"     // while the e2e commands and the soak run
	Restart Phase = "restart" // after PID 1 was killed and started again over the same mounts
	Stop    Phase = "stop"    // from the stop signal until the container exits
)

// ChangeKind is the letter that docker diff prints.
type ChangeKind string

// The kinds of docker diff.
const (
	Modified ChangeKind = "C"
	Added    ChangeKind = "A"
	Deleted  ChangeKind = "D"
)

// Change is one line of docker diff, with the first phase whose diff showed it.
type Change struct {
	Kind  ChangeKind `json:"kind"`
	Path  string     `json:"path"`
	Phase Phase      `json:"phase"`
	// Dir is true for an added entry that is a folder.
	Dir bool `json:"dir,omitempty"`
}

// Outcome is the result of an attempt to write.
type Outcome string

// The outcomes of a write.
const (
	Allowed Outcome = "allowed"
	Denied  Outcome = "denied"
	Unknown Outcome = "unknown"
)

// Write is one path that the container wrote or tried to write. Equal attempts are merged, and Count counts them. Where a
// process uses too many names in one folder to list them (temporary files have random ones), or makes a file
// without a name there (O_TMPFILE), the last element of Path, and of To, is "*": any name in that folder.
type Write struct {
	Path    string  `json:"path"` // absolute, symlinks resolved: the path that a mount would need
	Call    string  `json:"call"` // "open", "mkdir", "unlink", "rename", "chmod", "chown", ...; "bind" for a unix socket
	Phase   Phase   `json:"phase"`
	Outcome Outcome `json:"outcome"`
	// Errno is the error of a denied write: "EROFS", "EACCES" or "EPERM"; empty if not known. With an Outcome of Unknown
	// it is an error that depends neither on the user nor on the mounts: "ENOENT", "EEXIST", "EISDIR", ...
	Errno string `json:"errno,omitempty"`
	// Dir is true where Path is a folder that the call makes, removes or changes.
	Dir bool `json:"dir,omitempty"`
	// To is the new path of a rename or link.
	To string `json:"to,omitempty"`
	// Owner is the uid that a chown gives the path to; 0 for root and for other calls.
	Owner int64 `json:"owner,omitempty"`

	PID     int    `json:"pid,omitempty"`     // in the container
	Command string `json:"command,omitempty"` // the process's name
	UID     int64  `json:"uid"`
	GID     int64  `json:"gid"`
	Count   int    `json:"count,omitempty"`
	// Exec is true where a command that was executed in the running container made the attempt (an e2e command or a
	// readiness check that runs inside), and not the application.
	Exec bool `json:"exec,omitempty"`
}

// Process is one process of the container.
type Process struct {
	PID     int    `json:"pid"` // in the container, or on the engine's machine, depending on the engine; see Main
	UID     int64  `json:"uid"`
	GID     int64  `json:"gid"`
	Command string `json:"command"`
	Main    bool   `json:"main,omitempty"` // the first process of the container
	// Groups are the supplementary groups, sorted, without GID. Only the identities of a Trace have them.
	Groups []int64 `json:"groups,omitempty"`
}

// Exit describes the exit of a container.
type Exit struct {
	Code      int    `json:"code"`
	OOMKilled bool   `json:"oomKilled,omitempty"`
	Error     string `json:"error,omitempty"` // the engine's message, for example when the entrypoint could not be executed
	Phase     Phase  `json:"phase"`
}

// CommandResult is the result of one e2e command.
type CommandResult struct {
	Command string        `json:"command"`
	Code    int           `json:"code"`
	Output  string        `json:"output,omitempty"` // the last lines of stdout and stderr
	Phase   Phase         `json:"phase"`
	Took    time.Duration `json:"took"`
}

// Trace describes the coverage of the tracer.
type Trace struct {
	On   bool   `json:"on"`
	Note string `json:"note,omitempty"` // why it is off, or what it does not cover
	Lost int    `json:"lost,omitempty"` // events that were not recorded; at least 1 where Broken is true
	// Broken is true if the tracer ended before the container exited. Later events were not recorded, and system calls of the
	// container may have failed. Note gives the reason. Such a run counts as untraced.
	Broken bool `json:"broken,omitempty"`
	// Identities are the users and groups that processes of the application took (setuid, setresgid, setgroups, ...) or
	// wrote as, even for an instant: each combination of user, group, groups and command once. They may be missing from
	// Processes, which is a periodic snapshot. A process that changes its groups first appears with its old user and the new groups as well.
	// Root (user and group 0) and the commands that podseal executed are left out.
	Identities []Process `json:"identities,omitempty"`
	// Unseen are the commands that were executed in the container by others than podseal, each once: a docker exec by a
	// command on the host, or the image's HEALTHCHECK. The tracer does not see their writes.
	Unseen []string `json:"unseen,omitempty"`
}

// Complete reports whether the tracer saw every write of the application.
func (t Trace) Complete() bool { return t.On && t.Lost == 0 && !t.Broken }

// Usage is the size of a mount's content at the end of a run.
type Usage struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
	Files int    `json:"files"`
}

// Observation holds the findings of one run.
type Observation struct {
	Changes   []Change  `json:"changes,omitempty"` // sorted by path
	Writes    []Write   `json:"writes,omitempty"`  // sorted by path, from the tracer
	Processes []Process `json:"processes,omitempty"`
	Listening []int     `json:"listening,omitempty"` // TCP ports that a process in the container listened on
	// DeniedPorts are the TCP ports that the tracer saw a refused bind of.
	DeniedPorts []int `json:"deniedPorts,omitempty"`
	// Connections are the addresses outside the container that it connected to, sorted.
	Connections []Connection    `json:"connections,omitempty"`
	Logs        string          `json:"-"` // the last part of stdout and stderr
	Commands    []CommandResult `json:"commands,omitempty"`
	Exit        *Exit           `json:"exit,omitempty"` // nil when the container was still running when it was removed
	Usage       []Usage         `json:"usage,omitempty"`
	Hostname    string          `json:"-"` // of the container, if only this run has it; else ""
	Trace       Trace           `json:"trace"`
	ReadyIn     time.Duration   `json:"readyIn"`

	// LogStart maps a phase to the offset in Logs, in bytes, where the phase began. A phase is missing if it did not begin,
	// or if its offset is not known because older lines were dropped.
	LogStart map[Phase]int `json:"-"`

	// Failure is the reason why the run did not pass. The zero value means that the container became ready, its commands
	// exited 0, it ran through the soak, it became ready again after the restart of the protocol, and it stopped with the
	// exit status of the open run.
	Failure Failure `json:"failure,omitzero"`
}

// Passed reports whether the run passed.
func (o Observation) Passed() bool { return o.Failure.Kind == "" }

// LogsIn returns the part of the logs that was written in a phase, or all logs if that part is not known.
func (o Observation) LogsIn(p Phase) string {
	at, ok := o.LogStart[p]
	if !ok && p != Start {
		return o.Logs
	}
	end := len(o.Logs)
	for _, next := range o.LogStart {
		if next > at {
			end = min(end, next)
		}
	}
	return o.Logs[min(at, end):end]
}
