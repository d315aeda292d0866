package sensor

import (
	"os"
	"os/signal"
	"syscall"
)

// exitSignal is the exit code of a process that a signal ended, without the signal's number.
const exitSignal = 128

// endBySignals ends the process with a shell's code for a signal that ends an application without a handler. The Go runtime
// would exit with 2 where the process is PID 1, or write its stacks. The exec resets the handlers; an ignored signal is
// kept so.
func endBySignals() {
	c := make(chan os.Signal, 1)
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2} {
		if !signal.Ignored(s) {
			signal.Notify(c, s)
		}
	}
	go func() {
		if s, ok := (<-c).(syscall.Signal); ok {
			os.Exit(exitSignal + int(s))
		}
	}()
}
