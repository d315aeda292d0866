package exitcode

import "fmt"

// Error is an error with the exit code that it leads to.
type Error struct {
	Code int
	Err  error
}

// Error returns the text of the error.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the error without its exit code.
func (e *Error) Unwrap() error { return e.Err }

// BadInput marks an error as one of what the user gave. It returns nil for nil.
func BadInput(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Code: Usage, Err: err}
}

// BadInputf returns an error of what the user gave, worded as by fmt.Errorf.
func BadInputf(format string, args ...any) error {
	return &Error{Code: Usage, Err: fmt.Errorf(format, args...)}
}
