// Command podseal seals container images: it finds the tightest Kubernetes pod spec under which an image still passes
// the user's own e2e commands, and proves it.
package main

import (
	"context"
	"os"
	"os/signal"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/trace"
)

// version is set by the build.
var version = "dev"

func main() {
	if len(os.Args) > 1 {
		// Inside a container podseal is a sensor, an observer or a pod's sandbox: nothing else may run first.
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
	}
	os.Exit(execute(os.Args[1:], standardStreams()))
}

// execute runs one command line and returns the exit code. The first interrupt cancels the command, which then cleans
// up; the second one ends the process at once.
func execute(args []string, s streams) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, terminate)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // back to the default: the next interrupt kills
	}()
	root := newRootCommand(s)
	root.SetArgs(args)
	return exitCode(ctx, root.ExecuteContext(ctx), s)
}
