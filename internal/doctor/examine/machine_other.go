//go:build !linux

package examine

import "github.com/podseal/podseal/internal/docker"

// machine returns nothing: on these systems the engine runs in a virtual machine.
func machine(docker.Description) (free int64, emulated []string, known bool) { return -1, nil, false }
