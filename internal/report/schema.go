package report

import (
	"github.com/podseal/podseal/internal/seal"
)

// Schema names the version of the JSON report. A field is never renamed or given another meaning under the same name;
// new fields may come.
const Schema = "podseal.report/v1"

// Report is an outcome as it is reported: sorted, durations in seconds, nothing of the engine's or the loop's own
// types. Text and Markdown are views of it, and its JSON is described in docs/report.md. Lists are sorted by path
// where they have one, and are never null.
type Report struct {
	Schema       string      `json:"schema"`
	RunID        string      `json:"runID"`
	Verdict      string      `json:"verdict"`
	Why          string      `json:"why"`
	ExitCode     int         `json:"exitCode"`
	Seconds      float64     `json:"seconds"`
	Image        Image       `json:"image"`
	Target       Target      `json:"target"`
	Profile      *Profile    `json:"profile" jsonschema:"nullable"`
	ProvedBy     string      `json:"provedBy"`
	Reasons      []Reason    `json:"reasons"`
	Proofs       []Proof     `json:"proofs"`
	Exceptions   []Exception `json:"exceptions"`
	Choices      []Choice    `json:"choices"`
	Losses       []Loss      `json:"losses"`
	Swallowed    []Evidence  `json:"swallowed"`
	NotExercised []string    `json:"notExercised"`
	Advice       *Advice     `json:"advice" jsonschema:"nullable"`
	Trace        Trace       `json:"trace"`
	Rounds       []Round     `json:"rounds"`
	Written      *Written    `json:"written,omitempty"`
}

// Image is the image that was run.
type Image struct {
	Reference string `json:"reference"`
	ID        string `json:"id"`
	Digest    string `json:"digest"`
	Platform  string `json:"platform"`
}

// Target is how the image was run. Of the environment only the names are reported: values may be secrets.
type Target struct {
	// Name is the target's name in podseal.yaml.
	Name string `json:"name,omitempty"`
	// File and Line are where the container stands in a manifest file, with slashes; Line counts from 1.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`

	// Object and Container say where in a manifest the target stands: "Deployment web" and a name.
	Object    string `json:"object,omitempty"`
	Container string `json:"container,omitempty"`

	Entrypoint     []string  `json:"entrypoint,omitempty"`
	Args           []string  `json:"args,omitempty"`
	EnvNames       []string  `json:"envNames"`
	User           string    `json:"user,omitempty"`
	WorkingDir     string    `json:"workingDir,omitempty"`
	Network        string    `json:"network,omitempty"`
	Ports          []int     `json:"ports"`
	Ready          Ready     `json:"ready"`
	Commands       []Command `json:"commands"`
	SoakSeconds    float64   `json:"soakSeconds"`
	TimeoutSeconds float64   `json:"timeoutSeconds"`
	GraceSeconds   float64   `json:"graceSeconds"`
}

// Ready is how readiness was known.
type Ready struct {
	Command        string  `json:"command,omitempty"`
	HTTP           string  `json:"http,omitempty"`
	Log            string  `json:"log,omitempty"`
	Exec           string  `json:"exec,omitempty"`
	TimeoutSeconds float64 `json:"timeoutSeconds"`
}

// Command is one e2e command.
type Command struct {
	Command string `json:"command"`
	Inside  bool   `json:"inside"`
	Suite   string `json:"suite,omitempty"`
}

// Profile is what the container may do.
type Profile struct {
	Open                     bool              `json:"open"`
	UID                      int64             `json:"uid"`
	GID                      int64             `json:"gid"`
	Groups                   []int64           `json:"groups"`
	UserName                 string            `json:"userName,omitempty"`
	Mounts                   []Mount           `json:"mounts"`
	WorkingDir               string            `json:"workingDir,omitempty"`
	Env                      map[string]string `json:"env,omitempty"`
	LowPorts                 bool              `json:"lowPorts"`
	Ping                     bool              `json:"ping,omitempty"`
	FSGroup                  int64             `json:"fsGroup,omitempty"`
	SeedImage                string            `json:"seedImage,omitempty"`
	ImageVolume              bool              `json:"imageVolume,omitempty"`
	AddCapabilities          []string          `json:"addCapabilities"`
	WritableRoot             bool              `json:"writableRoot"`
	AllowPrivilegeEscalation bool              `json:"allowPrivilegeEscalation"`
}

// Mount is one writable folder.
type Mount struct {
	Path       string `json:"path"`
	Kind       string `json:"kind"`
	Medium     string `json:"medium,omitempty"`
	Volume     bool   `json:"volume"`
	Rewritable bool   `json:"rewritable,omitempty"`
	Partial    bool   `json:"partial,omitempty"`
	Private    bool   `json:"private,omitempty"`
	SizeLimit  int64  `json:"sizeLimit,omitempty"`
}

// Reason says why a setting is what it is.
type Reason struct {
	Field string `json:"field"`
	Why   string `json:"why"`
	Proof string `json:"proof,omitempty"`
}

// Proof is what a trial showed about one step away from the full seal.
type Proof struct {
	Relaxation string `json:"relaxation"`
	Result     string `json:"result"`
	Text       string `json:"text"`
	Round      string `json:"round"`
	// Suite is the suite of the e2e command that failed without the relaxation.
	Suite string `json:"suite,omitempty"`
}

// Exception is a setting that falls short of a seal.
type Exception struct {
	Setting  string `json:"setting"`
	Why      string `json:"why"`
	Fix      string `json:"fix"`
	Accepted bool   `json:"accepted,omitempty"` // by the user
}

// Choice is the decision about one written folder or path.
type Choice struct {
	Path     string `json:"path"`
	Changes  string `json:"changes"`
	Phase    string `json:"phase"`
	Decision string `json:"decision"`
	// Kind is the decision for programs in this process; Decision is its words.
	Kind     seal.Decision `json:"-"`
	Reason   string        `json:"reason"`
	Proof    string        `json:"proof,omitempty"`
	Evidence []Evidence    `json:"evidence"`
}

// Evidence is one path that was written, or that something tried to write.
type Evidence struct {
	Path    string   `json:"path"`
	Change  string   `json:"change,omitempty"`
	Phase   string   `json:"phase"`
	Dir     bool     `json:"dir,omitempty"`
	Outcome string   `json:"outcome"`
	Errno   string   `json:"errno,omitempty"`
	Source  string   `json:"source"`
	Line    string   `json:"line,omitempty"`
	Calls   []string `json:"calls,omitempty"`
	Writers []Writer `json:"writers,omitempty"`
	Moved   bool     `json:"moved,omitempty"`
	Noise   string   `json:"noise,omitempty"`
}

// Writer is one process that wrote.
type Writer struct {
	Process string `json:"process"`
	UID     int64  `json:"uid"`
	GID     int64  `json:"gid"`
	Count   int    `json:"count"`
	Exec    bool   `json:"exec,omitempty"`
}

// Trace says how far the tracer saw.
type Trace struct {
	On     bool     `json:"on"`
	Note   string   `json:"note,omitempty"`
	Lost   int      `json:"lost,omitempty"`
	Broken bool     `json:"broken,omitempty"`
	Unseen []string `json:"unseen,omitempty"`
}

// Round is one run of the container.
type Round struct {
	Name         string          `json:"name"`
	Result       string          `json:"result"`
	Cause        string          `json:"cause,omitempty"`
	Rule         string          `json:"rule,omitempty"`
	Traced       bool            `json:"traced"`
	Restart      string          `json:"restart"` // what it checked: "commands", "readiness" or "none"
	Failure      string          `json:"failure,omitempty"`
	FailedIn     string          `json:"failedIn,omitempty"`
	StartSeconds float64         `json:"startSeconds"` // since the first run began
	Seconds      float64         `json:"seconds"`
	ReadySeconds float64         `json:"readySeconds"`
	Profile      Profile         `json:"profile"`
	Blames       []Blame         `json:"blames"`
	Commands     []CommandResult `json:"commands"`
	Exit         *Exit           `json:"exit" jsonschema:"nullable"`
	DecidingLine string          `json:"decidingLine,omitempty"` // the first of the logs that is about a refusal, else an error
	Logs         []string        `json:"logs,omitempty"`
	Observation  Observation     `json:"observation"`
}

// The results of a round.
const (
	Passed       = "passed"
	Failed       = "failed"
	Inconclusive = "inconclusive"
)

// Blame is the setting whose restriction made a round fail.
type Blame struct {
	Setting  string `json:"setting"`
	Evidence string `json:"evidence"`
	Strength string `json:"strength"`
}

// CommandResult is how one e2e command ended.
type CommandResult struct {
	Command  string   `json:"command"`
	Phase    string   `json:"phase"`
	ExitCode int      `json:"exitCode"`
	Seconds  float64  `json:"seconds"`
	Output   []string `json:"output"`
}

// Exit is how the container ended.
type Exit struct {
	Code      int    `json:"code"`
	OOMKilled bool   `json:"oomKilled,omitempty"`
	Error     string `json:"error,omitempty"`
	Phase     string `json:"phase"`
}

// Observation is what one round showed.
type Observation struct {
	Changes     []Change  `json:"changes"`
	Writes      []Write   `json:"writes"`
	Processes   []Process `json:"processes"`
	Listening   []int     `json:"listening"`
	DeniedPorts []int     `json:"deniedPorts"`
	Usage       []Usage   `json:"usage"`
	Trace       Trace     `json:"trace"`
}

// Change is one line of docker diff.
type Change struct {
	Path  string `json:"path"`
	Kind  string `json:"kind"`
	Phase string `json:"phase"`
	Dir   bool   `json:"dir,omitempty"`
}

// Write is one path that a process wrote or tried to write; equal attempts are one Write with a count.
type Write struct {
	Path    string `json:"path"`
	To      string `json:"to,omitempty"`
	Call    string `json:"call"`
	Phase   string `json:"phase"`
	Outcome string `json:"outcome"`
	Errno   string `json:"errno,omitempty"`
	Process string `json:"process"`
	PID     int    `json:"pid"`
	UID     int64  `json:"uid"`
	GID     int64  `json:"gid"`
	Count   int    `json:"count"`
}

// Process is one process of the container.
type Process struct {
	Command string `json:"command"`
	UID     int64  `json:"uid"`
	GID     int64  `json:"gid"`
	Main    bool   `json:"main"`
}

// Usage is what a mount held at the end of a round.
type Usage struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
	Files int    `json:"files"`
}
