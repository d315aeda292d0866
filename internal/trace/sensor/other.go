//go:build !linux

// Package sensor is the tracer's process in the target, on Linux.
package sensor

import (
	"fmt"
	"os"
)

// Main runs in containers only.
func Main([]string) int {
	fmt.Fprintln(os.Stderr, "podseal sensor: runs in a Linux container only")
	return 2
}
