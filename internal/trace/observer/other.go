//go:build !linux

// Package observer is the tracer's process outside the target, on Linux.
package observer

import (
	"fmt"
	"io"
	"os"
)

// Main runs in containers only.
func Main([]string, io.Reader, io.Writer) int {
	fmt.Fprintln(os.Stderr, "podseal observer: runs in a Linux container only")
	return 2
}
