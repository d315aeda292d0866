// Package sealfile holds the seal file: the proof of a profile, kept next to the manifest. It makes one of a result, writes
// it as YAML and reads it strictly.
//
// Two runs of one image under one set of commands give the same bytes, except for the value of the key run, which holds
// everything that changes from run to run.
package sealfile

import (
	"github.com/podseal/podseal/internal/profile"
)

// Version is the version of the format.
const Version = "podseal.seal/v1"

// Seal is one document of a seal file: the profile of one container, with its proof.
type Seal struct {
	// Version is podseal.seal/v1. A field of a version keeps its name and its meaning; new fields may come.
	Version string `json:"version" jsonschema:"enum=podseal.seal/v1"`
	// Target is the name of the target in podseal.yaml; empty for a run without one.
	Target string `json:"target,omitempty"`
	// Object is the object of the manifest, for example "Deployment web"; empty for an image that was sealed alone.
	Object    string `json:"object,omitempty"`
	Container string `json:"container,omitempty"` // its name in the object
	Verdict   string `json:"verdict" jsonschema:"enum=sealed,enum=sealed with exceptions,enum=not sealable"`

	Image    Image           `json:"image"`
	Commands Commands        `json:"commands"`
	Profile  profile.Profile `json:"profile"`
	// Ports are the TCP ports that the proving run listened on, sorted.
	Ports []int `json:"ports,omitempty"`
	// Traced is true if the tracer saw the writes: else only those are known that docker diff and the logs show.
	Traced bool `json:"traced"`
	// Restart says what the restart of the confirmation run checked.
	Restart string `json:"restart" jsonschema:"enum=commands,enum=readiness,enum=none"`
	// Manifest holds the settings of the manifest, besides the profile, that the container ran with.
	Manifest Manifest `json:"manifest,omitzero"`

	Fields     []Field     `json:"fields,omitempty"`
	Exceptions []Exception `json:"exceptions,omitempty"`
	Needs      []Need      `json:"needs,omitempty"`
	Writes     []Write     `json:"writes,omitempty"` // of the open run, sorted by path
	Denied     []Denial    `json:"denied,omitempty"` // in the proving run, sorted by path
	Losses     []Loss      `json:"losses,omitempty"`
	// NotExercised says what the runs did not reach.
	NotExercised []string `json:"notExercised,omitempty"`
	// Merged are the seals whose evidence this one includes.
	Merged []Merged `json:"merged,omitempty"`

	// Run holds everything that changes from run to run.
	Run Run `json:"run"`
}

// Image names the image that was run.
type Image struct {
	Reference string `json:"reference"`        // as the manifest or the user named it
	Digest    string `json:"digest,omitempty"` // in its registry, "sha256:..."; empty for an image that has none
	ID        string `json:"id,omitempty"`     // of the image's configuration, "sha256:..."
	Platform  string `json:"platform,omitempty"`
}

// Commands are the e2e commands.
type Commands struct {
	// Hash covers the commands, their suites and the hashes of their files.
	Hash string    `json:"hash"`
	List []Command `json:"list,omitempty"`
}

// Command is one e2e command.
type Command struct {
	Command string `json:"command"`          // as a user types it into a shell, without the values of Secrets
	Inside  bool   `json:"inside,omitempty"` // it runs in the container
	Suite   string `json:"suite,omitempty"`
	// File is the script on the host that the command names: its program, or the first argument of an interpreter, where
	// that is a file in or below the working directory.
	File *File `json:"file,omitempty"`
}

// File is a file that a command names.
type File struct {
	Path string `json:"path"` // relative to the working directory, with slashes
	Hash string `json:"hash"` // of its content, "sha256:..."
}

// Manifest holds the settings of a container and its pod that podseal leaves as they are, and that the proof depends on. For
// an image that was sealed alone they are those of the Pod that was written.
type Manifest struct {
	Command []string `json:"command,omitempty"`
	Args    []string `json:"args,omitempty"`
	// WorkingDir is the container's; empty for that of the image.
	WorkingDir string   `json:"workingDir,omitempty"`
	Volumes    []Volume `json:"volumes,omitempty"` // mounted in the container, sorted by path
	Seccomp    string   `json:"seccomp,omitempty"` // the Localhost profile; empty for RuntimeDefault
	Pod        Pod      `json:"pod,omitzero"`
}

// Volume is a volume of the pod that the container mounts.
type Volume struct {
	Path      string `json:"path"`
	Kind      string `json:"kind"` // the field of its source: emptyDir, configMap, persistentVolumeClaim, ...
	ReadOnly  bool   `json:"readOnly,omitempty"`
	SubPath   string `json:"subPath,omitempty"`
	Medium    string `json:"medium,omitempty"`    // of an emptyDir
	SizeLimit string `json:"sizeLimit,omitempty"` // of an emptyDir, in bytes
}

// Pod holds the settings of the whole pod.
type Pod struct {
	HostNetwork  bool              `json:"hostNetwork,omitempty"`
	HostPID      bool              `json:"hostPID,omitempty"`
	HostIPC      bool              `json:"hostIPC,omitempty"`
	ShareProcess bool              `json:"shareProcessNamespace,omitempty"`
	Groups       []int64           `json:"supplementalGroups,omitempty"` // sorted
	FSGroup      *int64            `json:"fsGroup,omitempty"`
	Sysctls      map[string]string `json:"sysctls,omitempty"`
}

// Field says why a field of the profile is what it is, and which run proved it.
type Field struct {
	Field string `json:"field"` // in Kubernetes words, or "mount PATH"
	Why   string `json:"why"`
	Proof string `json:"proof,omitempty"` // empty for a field that no run went without
}

// Exception is a setting that falls short of a seal.
type Exception struct {
	Setting string `json:"setting"` // what --allow takes
	Why     string `json:"why"`     // the run that failed without it
	Fix     string `json:"fix"`     // what to change in the image to lose it
	// Reason and Expires are those of the user who accepted it. Expires is a date, YYYY-MM-DD, the last day on which it is
	// accepted; empty for ever.
	Reason  string `json:"reason,omitempty"`
	Expires string `json:"expires,omitempty"`
}

// Need says which suite of e2e commands needed a step away from the full seal.
type Need struct {
	Relaxation string `json:"relaxation"`
	Suite      string `json:"suite,omitempty"` // empty if the container needs it before the commands run
	// Proved is the file of the merged seal whose runs proved it; empty for this run.
	Proved string `json:"proved,omitempty"`
}

// Write is a folder or file that the container wrote in the open run, and the decision about it.
type Write struct {
	// Path has "*" in place of the parts that are made up at run time.
	Path     string   `json:"path"`
	Decision string   `json:"decision"`     // mount, seeded mount, owned mount, mount in memory, volume NAME, read-only
	By       []string `json:"by,omitempty"` // the processes, "nginx (uid 101)"
}

// Denial is a write that was refused in the proving run.
type Denial struct {
	Path  string   `json:"path"`
	Errno string   `json:"errno,omitempty"`
	By    []string `json:"by,omitempty"`
	// Swallowed is true if the open run was not refused: the application went on without the write.
	Swallowed bool `json:"swallowed,omitempty"`
}

// Loss is one action of the open run that is missing in the sealed run.
type Loss struct {
	Kind   string `json:"kind"`
	What   string `json:"what"`
	Detail string `json:"detail,omitempty"`
}

// Merged names a seal whose evidence was merged.
type Merged struct {
	File     string `json:"file"`     // of the seal
	Commands string `json:"commands"` // the hash of its commands
}

// Run holds what changes from run to run.
type Run struct {
	ID         string  `json:"id,omitempty"`
	Date       string  `json:"date"` // of its end, RFC 3339 in UTC
	Seconds    float64 `json:"seconds,omitempty"`
	Podseal    string  `json:"podseal,omitempty"`    // its version
	Engine     string  `json:"engine,omitempty"`     // its name and version
	Kubernetes string  `json:"kubernetes,omitempty"` // the version that the result was made for; empty for any
}

// Title names the seal for messages: its target, else its container, else its image.
func (s Seal) Title() string {
	switch {
	case s.Target != "":
		return s.Target
	case s.Object != "":
		return s.Object + "/" + s.Container
	}
	return s.Image.Reference
}
