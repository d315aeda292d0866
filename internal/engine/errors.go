package engine

import (
	"errors"
	"strings"
)

// ErrCannotInspect is the error of Processes, Listening and Usage where the engine permits no look inside a container.
var ErrCannotInspect = errors.New("this engine permits no look inside a container")

// ErrNoNetwork is the error of an engine that has no addresses left for another network.
var ErrNoNetwork = errors.New("the engine has no address pool left for another network: remove unused networks (podseal gc, " +
	"docker network prune), or give the engine more default-address-pools")

// SeedError is a failed init container of a mount. The profile is to blame, not the engine.
type SeedError struct {
	Path   string // of the mount
	Output string // of the init container, or the engine's message if it could not be executed
	Code   int    // exit code
}

// Error returns the path and the output, in one line.
func (e *SeedError) Error() string {
	return "seeding " + e.Path + ": the init container failed: " + strings.ReplaceAll(e.Output, "\n", "; ")
}

// PodError is a failure of the pod around the target: another container, a hook, or a volume.
type PodError struct {
	What   string // one sentence
	Output string // of the container or the hook; may be empty
}

// Error returns the sentence and the last line of the output.
func (e *PodError) Error() string {
	if e.Output == "" {
		return e.What
	}
	return e.What + ": " + lastLine(e.Output)
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
