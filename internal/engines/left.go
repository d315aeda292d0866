package engines

import (
	"errors"
	"fmt"

	"github.com/podseal/podseal/internal/engine"
)

// LeftError is the failure to remove what a command made in the engine.
type LeftError struct{ Err error }

// Error returns the reason, and how to remove the rest.
func (e *LeftError) Error() string {
	return e.Err.Error() + "; `podseal gc` removes the rest"
}

// Unwrap returns the reason.
func (e *LeftError) Unwrap() error { return e.Err }

// WithLeft joins the error of a command with the failure to remove what it made.
func WithLeft(err, left error) error {
	if err == nil {
		return &LeftError{left}
	}
	if engine.IsFault(err) && engine.IsFault(left) { // the reason is said already
		left = errNotRemoved
	}
	return fmt.Errorf("%w; %w", err, &LeftError{left})
}

var errNotRemoved = errors.New("what the run made in the engine was not removed")
