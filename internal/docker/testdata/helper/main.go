// Command helper stands for podseal in the helper image: the sensor, the observer, a pod's sandbox, what empties volumes, and nothing else.
package main

import (
	"os"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/trace"
)

func main() {
	if len(os.Args) < 2 {
		os.Exit(2)
	}
	switch os.Args[1] {
	case trace.SensorCommand:
		os.Exit(trace.SensorMain(os.Args[2:]))
	case trace.ObserverCommand:
		os.Exit(trace.ObserverMain(os.Args[2:], os.Stdin, os.Stdout))
	case docker.EmptyCommand:
		os.Exit(docker.Empty(os.Args[2:]))
	case docker.PauseCommand:
		os.Exit(docker.PauseMain(os.Args[2:], os.Stdout))
	}
	os.Exit(2)
}
