//go:build unix

package main

import (
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/rogpeppe/go-internal/testscript"
)

// startRegistry gives a script a registry with the image $REGISTRY/web:1, whose digest is $DIGEST.
func startRegistry(t *testing.T, e *testscript.Env) error {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true)))
	e.Defer(s.Close)
	host := strings.TrimPrefix(s.URL, "http://")
	img, err := random.Image(100, 1)
	if err != nil {
		return err //nolint:wrapcheck // of a test
	}
	digest, err := img.Digest()
	if err != nil {
		return err //nolint:wrapcheck // of a test
	}
	at, err := name.ParseReference(host + "/web:1")
	if err != nil {
		return err //nolint:wrapcheck // of a test
	}
	e.Setenv("REGISTRY", host)
	e.Setenv("DIGEST", digest.String())
	return remote.Write(at, img) //nolint:wrapcheck // of a test
}
