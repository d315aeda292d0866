package engine

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// FaultKind is the reason of a Fault.
type FaultKind string

// The reasons of faults.
const (
	// Gone is an engine that does not answer any more.
	Gone FaultKind = "gone"
	// Frozen is an engine that accepts a call and does not answer it in time.
	Frozen FaultKind = "frozen"
	// ObserverLost is an observer container that has ended during the run. The later writes of its
	// containers are unknown, and traced calls that it did not answer may have failed.
	ObserverLost FaultKind = "observer lost"
)

// Fault is a call of the engine that failed for a reason outside the image, the profile and the application. A run that
// meets one proves nothing.
type Fault struct {
	Kind   FaultKind
	Call   string // the call that met the fault, as a participle: "starting"
	Object string // what the call was for: "container podseal-0123456789-4-target"
	Engine string // address of the engine
	Err    error  // of the client library; may be nil
}

// Error returns one sentence: the call, its object, and the state of the engine.
func (f *Fault) Error() string {
	call := strings.TrimSpace(f.Call + " " + f.Object)
	switch f.Kind {
	case Gone:
		return fmt.Sprintf("%s: the engine at %s is gone: nothing answers there any more", call, f.Engine)
	case Frozen:
		return fmt.Sprintf("%s: the engine at %s does not answer in time", call, f.Engine)
	case ObserverLost:
		return call + ": the container has ended during the run: something else has stopped or removed it"
	}
	return fmt.Sprintf("%s: %v", call, f.Err)
}

// Unwrap returns the error of the client library.
func (f *Fault) Unwrap() error { return f.Err }

// IsFault reports whether an error is, or wraps, a *Fault.
func IsFault(err error) bool {
	fault := new(Fault)
	return errors.As(err, &fault)
}

// WithCleanup returns an error with that of the clean-up after it. After a fault, a clean-up that met a fault adds nothing:
// both have one reason. After another error it is the reason.
func WithCleanup(err, cleanup error) error {
	switch {
	case err == nil || cleanup == nil:
		return cmp.Or(err, cleanup)
	case IsFault(err) && IsFault(cleanup):
		return err
	case IsFault(cleanup):
		return fmt.Errorf("%w: %w", err, cleanup)
	}
	return errors.Join(err, cleanup)
}
