// Package target describes one container to seal: its image, how it is run, when it counts as ready, and the e2e
// commands that decide whether it works.
package target

import (
	"slices"
	"strings"
	"time"

	"github.com/podseal/podseal/internal/shell"
)

// Target is one container to seal.
type Target struct {
	Image    string // as the user gave it
	Platform string // "linux/arm64"; empty means the engine's own

	Entrypoint []string // replaces the image's ENTRYPOINT and CMD when not nil (a pod's command)
	Args       []string // replaces the image's CMD when not nil (a pod's args)
	Env        []EnvVar // in order; later ones win
	Secrets    []string // values that come from Secrets: no report shows them
	User       string   // of the open run, as docker run takes it; empty means the image's USER
	WorkingDir string   // empty means the image's
	Network    string   // an engine network to join; empty means the engine's default bridge
	Alias      string   // its name on Network, and in the configuration, besides the engine's own; empty for none
	Ports      []int    // container ports to publish, TCP; empty means all that the image exposes

	// Name is the container's name in its pod; empty for an image without a pod.
	Name string
	// Pod is the pod that the container belongs to; nil means that the container runs alone.
	Pod *Pod
	// Mounts are the pod's volumes in this container, sorted by path.
	Mounts []VolumeMount
	// Completes is true for a container that runs until it exits with status 0: an init container, a Job's container. Such
	// a container is ready when it has exited.
	Completes bool

	AddCapabilities []string // of the open run, in Kubernetes spelling
	Memory          int64    // limit in bytes; 0 means none
	PostStart       *Hook    // after the start
	PreStop         *Hook    // before the stop signal

	// Untraced disables the tracer. The tracer sets no_new_privs, under which a setuid program in the entrypoint fails.
	Untraced bool

	// Needs are the services that are ready on a network of the run before the target starts. They start in parallel, each
	// after its own Needs.
	Needs []Service

	// Dir is the working directory of commands on the host; empty means that of podseal.
	Dir      string
	Ready    Ready
	Commands []Command     // the e2e commands, in order; if empty, only the start, readiness and the soak are checked
	Soak     time.Duration // how long the application must keep running after the commands
	Timeout  time.Duration // bounds one whole run; 0 means no bound
	Grace    time.Duration // between the stop signal and SIGKILL
}

// Concealed returns a copy of words for a report, with "(secret)" in place of every value that comes from a Secret.
func (t Target) Concealed(words []string) []string {
	out := slices.Clone(words)
	for i := range out {
		for _, s := range t.Secrets {
			out[i] = strings.ReplaceAll(out[i], s, "(secret)")
		}
	}
	return out
}

// AllSecrets returns the values that come from Secrets, of the target and of everything that runs with it.
func (t Target) AllSecrets() []string {
	out := slices.Clone(t.Secrets)
	if t.Pod != nil {
		for _, m := range slices.Concat(t.Pod.Before, t.Pod.After) {
			out = append(out, m.Target.Secrets...)
		}
	}
	for _, n := range t.Needs {
		out = append(out, n.Target.AllSecrets()...)
	}
	return out
}

// EnvVar is one environment variable.
type EnvVar struct{ Name, Value string }

// Ready holds the conditions under which the container counts as ready. All given conditions must hold. If none is given,
// the image's HEALTHCHECK decides; else that something listens on the first port; else that the container has run for a
// moment.
type Ready struct {
	Command string        // run on the host by sh -c, repeated until it exits 0
	HTTP    string        // path of a GET on the first port that must answer with a status below 400
	Log     string        // regular expression that a line of the logs must match
	Exec    string        // run inside the container by sh -c, repeated until it exits 0
	Probes  []Probe       // of the pod; used where the user gave no condition
	Timeout time.Duration // from the start
}

// Given reports whether the user gave any condition.
func (r Ready) Given() bool { return r.Command != "" || r.HTTP != "" || r.Log != "" || r.Exec != "" }

// Service is a container, or a pod, that a target needs. It runs as its image says, and is removed with the run.
type Service struct {
	Name string // its host name on the network of the run
	// Target describes how the service runs and when it is ready. Its Needs are the services that have to be ready before
	// it starts; a service that several need runs once, by its name. One that Completes has to exit with status 0. Its
	// Commands are not used.
	Target Target
	// Of is the Alias of the target of the same configuration that this service is; empty for any other service.
	Of string
	// Labels select the pods of the service in a cluster, for network policies. Nil means that they are not known.
	Labels map[string]string
}

// Command is one e2e command. Its exit status 0 means that the application works.
type Command struct {
	// Inside is true for a command that runs in the container (--exec), false for one on the host.
	Inside bool
	// Argv is the program and its arguments. A shell line is {"sh", "-c", line}.
	Argv []string
	// Suite is the name of the suite that the command belongs to; empty for none.
	Suite string
}

// Shell returns the Command that runs a line with sh -c, in the container where inside is true.
func Shell(line string, inside bool) Command {
	return Command{Inside: inside, Argv: []string{"sh", "-c", line}}
}

// String returns the command as a user would type it into a shell.
func (c Command) String() string {
	if len(c.Argv) == 3 && c.Argv[0] == "sh" && c.Argv[1] == "-c" {
		return c.Argv[2]
	}
	words := make([]string, len(c.Argv))
	for i, w := range c.Argv {
		words[i] = shell.Quote(w)
	}
	return strings.Join(words, " ")
}

// Argv returns what the container runs, from the ENTRYPOINT and CMD of its image, by the rules of a pod's command and args.
func (t Target) Argv(entrypoint, cmd []string) []string {
	if t.Entrypoint != nil {
		entrypoint, cmd = t.Entrypoint, nil
	}
	if t.Args != nil {
		cmd = t.Args
	}
	return slices.Concat(entrypoint, cmd)
}
