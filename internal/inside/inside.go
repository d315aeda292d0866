// Package inside implements the hidden subcommands that podseal runs inside containers. The first argument names the
// subcommand. The small program cmd/podseal-inside consists of them alone and starts quickly; podseal itself is the fallback
// if that program is missing.
package inside

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/podseal/podseal/internal/trace/observer"
	"github.com/podseal/podseal/internal/trace/procnet"
	"github.com/podseal/podseal/internal/trace/sensor"
	"github.com/podseal/podseal/internal/trace/streams"
	"github.com/podseal/podseal/internal/trace/wire"
)

// The subcommands other than the two of the tracer.
const (
	// PauseCommand keeps a pod's namespaces, or a container to execute others in, alive until a signal ends it. With
	// LeaseArgument it serves streams until its input ends, whose processes are other subcommands; with ListeningArgument it
	// prints the ports that something listens on.
	PauseCommand      = "pause"
	LeaseArgument     = "lease"
	ListeningArgument = "listening"
	// HoldArgument lets no signal end it: it ends with its PID namespace.
	HoldArgument = "hold"
	// EmptyCommand removes everything in the folders that are its arguments.
	EmptyCommand = "empty"
	// InspectCommand prints facts about the container: Processes; Files and a root file system; Sizes and a folder.
	InspectCommand = "inspect"
	Processes      = "processes"
	Files          = "files"
	Sizes          = "sizes"
	// Mark is a line that separates what InspectCommand prints.
	Mark = "-- podseal --"
)

// Main runs a subcommand and returns its exit status; known is false where the arguments name none.
func Main(args []string, in io.Reader, out io.Writer) (code int, known bool) {
	if len(args) == 0 {
		return 0, false
	}
	switch args[0] {
	case wire.SensorCommand:
		return sensor.Main(args[1:]), true
	case wire.ObserverCommand:
		return observer.Main(args[1:], in, out), true
	case PauseCommand:
		return pause(args[1:], in, out), true
	case EmptyCommand:
		return empty(args[1:]), true
	case InspectCommand:
		return inspect(args[1:], out), true
	}
	return 0, false
}

func pause(args []string, in io.Reader, out io.Writer) int {
	switch {
	case slices.Contains(args, HoldArgument):
		signal.Ignore()
		for {
			time.Sleep(time.Hour)
		}
	case slices.Contains(args, ListeningArgument):
		return printListening(out)
	case slices.Contains(args, LeaseArgument):
		program, err := os.Executable()
		if err != nil {
			return 1
		}
		wait(func() { _ = streams.Serve(in, out, program) }) // the client is gone, whatever the error
	default:
		wait(nil)
	}
	return 0
}

func printListening(out io.Writer) int {
	var all []byte
	for _, name := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		table, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a kernel without IPv6
			return 1
		}
		all = append(all, table...)
	}
	for _, port := range procnet.ParseListening(all) {
		if _, err := fmt.Fprintln(out, port); err != nil {
			return 1
		}
	}
	return 0
}

// wait returns at a signal, and at the end of a lease. A nil lease has no end.
func wait(lease func()) {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	gone := make(chan struct{})
	if lease != nil {
		go func() {
			lease()
			close(gone)
		}()
	}
	select {
	case <-end:
	case <-gone:
	}
}

func empty(folders []string) int {
	var errs []error
	for _, dir := range folders {
		entries, err := os.ReadDir(dir)
		errs = append(errs, err)
		for _, e := range entries {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	if err := errors.Join(errs...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
