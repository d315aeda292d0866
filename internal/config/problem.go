package config

import (
	"github.com/podseal/podseal/internal/strictyaml"
)

// Problems are the faults of a podseal.yaml, in its order. There is at least one.
type Problems strictyaml.Problems

// Error returns the first fault, and the command that lists all.
func (p Problems) Error() string {
	text := strictyaml.Problems(p).Error()
	if len(p) > 1 {
		text += ": `podseal config verify` lists them"
	}
	return text
}
