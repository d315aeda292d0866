//go:build !linux

package trace

import (
	"fmt"
	"io"
	"os"
)

// SensorMain runs in containers only.
func SensorMain([]string) int {
	fmt.Fprintln(os.Stderr, "podseal sensor: runs in a Linux container only")
	return 2
}

// ObserverMain runs in containers only.
func ObserverMain([]string, io.Reader, io.Writer) int {
	fmt.Fprintln(os.Stderr, "podseal observer: runs in a Linux container only")
	return 2
}
