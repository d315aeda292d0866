package deliver

import (
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/target"
)

// Input is a manifest file, or an image that was given alone, with the containers of it that were sealed.
type Input struct {
	File *manifest.File // nil for an image
	Path string         // the file that can be changed in place; empty for stdin and for a build
	// Containers have the order of their reports.
	Containers []Container
}

// Container is one container with the outcome of sealing it.
type Container struct {
	Pod     *manifest.Pod // nil for an image that was given alone
	Name    string        // in the pod; empty for an image
	Outcome Outcome
}

// Outcome is what a delivery needs to know of a seal.
type Outcome struct {
	Target  target.Target
	Image   image.Facts
	Profile profile.Profile
	Proved  bool // a run passed under exactly Profile
	// Listening are the TCP ports on which the proving run listened; empty and untraced means unknown.
	Listening []int
	Traced    bool // the proving run was traced
	// Connections are the addresses that the container connected to in any of its runs. ConnectionsTraced says that one of
	// these was traced, so that none is missing.
	Connections       []observe.Connection
	ConnectionsTraced bool
	// APIUse is a sign in a run that the container uses the Kubernetes API, as a sentence; empty if there was none.
	APIUse string
}

// proved reports whether every outcome is proved.
func proved(inputs []Input) bool {
	for _, in := range inputs {
		for _, c := range in.Containers {
			if !c.Outcome.Proved {
				return false
			}
		}
	}
	return true
}

// sealedPod is a pod with those of its containers that were sealed.
type sealedPod struct {
	pod        *manifest.Pod // nil for an image that was given alone
	containers []Container
}

// sealedPods groups the containers by pod.
func sealedPods(inputs []Input) []sealedPod {
	var out []sealedPod
	at := map[*manifest.Pod]int{}
	for _, in := range inputs {
		for _, c := range in.Containers {
			i, known := at[c.Pod]
			if c.Pod == nil || !known {
				i = len(out)
				out = append(out, sealedPod{pod: c.Pod})
				at[c.Pod] = i
			}
			out[i].containers = append(out[i].containers, c)
		}
	}
	return out
}

// Concealed returns the inputs of a delivery without secrets in what podseal writes itself: the environment and the command of
// a container. It reports the names of the variables that it changed.
func Concealed(inputs []Input, r *redact.Redactor) (out []Input, changed []string) {
	for _, in := range inputs {
		containers := in.Containers
		in.Containers = nil
		for _, c := range containers {
			t := &c.Outcome.Target
			env := redact.Apply(r, t.Env)
			for i, e := range env {
				if e != t.Env[i] && c.hasValue(e.Name) {
					changed = append(changed, e.Name)
				}
			}
			t.Env, t.Entrypoint, t.Args = env, redact.Apply(r, t.Entrypoint), redact.Apply(r, t.Args)
			in.Containers = append(in.Containers, c)
		}
		out = append(out, in)
	}
	return out, changed
}

// hasValue reports whether the result may hold the value of a variable: the pod takes it from no other object.
func (c Container) hasValue(variable string) bool {
	if c.Pod == nil {
		return true
	}
	in, _ := c.Pod.Container(c.Name)
	return in.HasValue(variable)
}
