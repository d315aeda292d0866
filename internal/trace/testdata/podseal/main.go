// The sensor and the observer alone, for the tests.
package main

import (
	"os"

	"github.com/podseal/podseal/internal/trace"
)

func main() {
	switch {
	case len(os.Args) > 1 && os.Args[1] == trace.SensorCommand:
		os.Exit(trace.SensorMain(os.Args[2:]))
	case len(os.Args) > 1 && os.Args[1] == trace.ObserverCommand:
		os.Exit(trace.ObserverMain(os.Args[2:], os.Stdin, os.Stdout))
	}
	os.Exit(2)
}
