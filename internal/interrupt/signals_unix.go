//go:build unix

package interrupt

import (
	"os"
	"os/signal"
	"syscall"
)

var terminationSignals = []os.Signal{syscall.SIGTERM, syscall.SIGHUP}

// keepAfterBrokenPipe makes a write to a pipe without a reader an error, on stdout and stderr, too: by default Go ends
// the process there, and nothing would be cleaned up. The signal is caught, and not ignored, since the e2e commands
// would inherit that.
func keepAfterBrokenPipe() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }
