package sealfile

import "github.com/podseal/podseal/internal/diff"

// StablePath returns a path of a container as every run shows it: "*" stands for the names that a run makes up.
func StablePath(at string) string { return cleaner{}.path(at) }

// WrittenPath returns the path of a write as every run shows it. The name of a file that was removed or renamed again counts
// as made up.
func WrittenPath(e diff.Evidence) string { return cleaner{hosts: []string{e.Passing}}.evidencePath(e) }

// Writers returns the processes of a write, "web (uid 101)", sorted, each once.
func Writers(e diff.Evidence) []string { return cleaner{}.writers([]diff.Evidence{e}) }
