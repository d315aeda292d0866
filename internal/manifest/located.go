package manifest

import (
	"errors"
	"strings"
)

// Located returns err with the place in a manifest first, and without the steps that led there; err itself if it names no
// place.
func Located(err error) error {
	at := new(Error)
	if !errors.As(err, &at) {
		return err
	}
	text := err.Error()
	return &locatedError{text: text[max(0, strings.Index(text, at.Error())):], err: err}
}

type locatedError struct {
	text string
	err  error
}

func (e *locatedError) Error() string { return e.text }
func (e *locatedError) Unwrap() error { return e.err }
