package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/podseal/podseal/internal/docker"
)

// The exit codes, for scripts and CI jobs.
const (
	exitSealed      = 0
	exitEngine      = 1 // an engine error, or a fault of podseal
	exitUsage       = 2 // usage or bad input
	exitNotTestable = 3 // the e2e commands fail on the open run
	exitNotSealed   = 4 // not sealable, or sealed with exceptions that were not allowed
	exitInterrupted = 130
)

// codedError is an error with the exit code that it leads to.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// badInput is an error of what the user gave.
func badInput(format string, args ...any) error {
	return &codedError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// asBadInput marks an error as one of what the user gave.
func asBadInput(err error) error {
	if err == nil {
		return nil
	}
	return &codedError{code: exitUsage, err: err}
}

// verdictError leads to an exit code, and has nothing to say that the report has not said.
func verdictError(code int) error { return &codedError{code: code, err: errSaid} }

var errSaid = errors.New("said in the report")

// exitCode turns the outcome of a command into the exit code, and says what was not said yet.
func exitCode(ctx context.Context, err error, s streams) int {
	if err == nil {
		return exitSealed
	}
	if ctx.Err() != nil {
		fmt.Fprintln(s.err, "podseal: interrupted; what it had made in the engine was removed")
		return exitInterrupted
	}
	if !errors.Is(err, errSaid) {
		fmt.Fprintln(s.err, "podseal:", oneLine(err))
	}
	var coded *codedError
	if errors.As(err, &coded) {
		return coded.code
	}
	if image := new(docker.ImageError); errors.As(err, &image) {
		return exitUsage
	}
	return exitEngine
}
