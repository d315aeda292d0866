// Package exitcode names the exit codes of the command, and marks errors with them. docs/exit-codes.md explains the codes.
package exitcode

// The exit codes.
const (
	Sealed      = 0
	Engine      = 1   // an error of the engine, or a fault of podseal
	Usage       = 2   // wrong usage or bad input
	NotTestable = 3   // the e2e commands fail on the open run
	NotSealed   = 4   // not sealable, or sealed with exceptions that were not allowed
	Drift       = 5   // a check found that the manifest is not what was proved
	Interrupted = 130 // by a signal, or by the loss of stderr
)
