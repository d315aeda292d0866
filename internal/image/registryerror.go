package image

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// RegistryError is an image that could not be read from its registry. Its text is one sentence with what to do.
type RegistryError struct {
	Ref  string
	Text string
	Err  error
}

func (e *RegistryError) Error() string { return "image " + e.Ref + ": " + e.Text }

// Unwrap returns the registry's own error.
func (e *RegistryError) Unwrap() error { return e.Err }

// registryError returns an error that says in one sentence why an image could not be read and what to do.
func registryError(ctx context.Context, ref name.Reference, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("reading %s from its registry: %w", ref, ctx.Err())
	}
	host := ref.Context().RegistryStr()
	say := func(format string, args ...any) error {
		return &RegistryError{Ref: ref.String(), Err: err, Text: fmt.Sprintf(format, args...)}
	}
	var answer *transport.Error
	var network net.Error
	switch {
	case errors.As(err, &answer) && (answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden):
		return say("the registry %s refuses it: there is no such image, or it needs another login: check the name, or run `docker login %s`", host, host)
	case errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound:
		return say("the registry %s does not have it: check the name and the tag", host)
	case errors.As(err, &answer) && answer.StatusCode == http.StatusTooManyRequests:
		return say("the registry %s has had too many requests from here: wait, or run `docker login %s`", host, host)
	case errors.As(err, &answer):
		return say("the registry %s answers with status %d: try again later", host, answer.StatusCode)
	case strings.Contains(err.Error(), "x509:") || strings.Contains(err.Error(), "tls:"):
		return say("the registry %s has a certificate that is not trusted here: %s", host, oneLine(err))
	case errors.As(err, &network):
		return say("the registry %s cannot be reached: check the name and the network, or load the image into the engine", host)
	default:
		return say("%s", oneLine(err))
	}
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
