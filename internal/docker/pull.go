package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	dockerimage "github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// pull fetches an image, with the credentials of the Docker configuration.
func (c imageStore) pull(ctx context.Context, ref, platform string) error {
	if isID(ref) && strings.HasPrefix(ref, "sha256:") {
		return &ImageError{Ref: ref, Text: "the engine has no image with this id: name it by repository and tag"}
	}
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return &ImageError{Ref: ref, Err: err, Text: "this is not an image reference: check its spelling"}
	}
	auth, err := credentials(parsed)
	if err != nil {
		return fmt.Errorf("reading the credentials for %s: %w", parsed.Context().RegistryStr(), err)
	}
	c.opts.Progress("pulling " + ref)
	body, err := c.api.ImagePull(ctx, ref, dockerimage.PullOptions{RegistryAuth: auth, Platform: platform})
	if err != nil {
		return pullError(ctx, ref, platform, err)
	}
	defer body.Close()
	if err := followPull(body, ref, c.opts.Progress, time.Now); err != nil {
		return pullError(ctx, ref, platform, err)
	}
	return nil
}

// credentials returns the credentials that the docker command would use, encoded for the engine.
func credentials(ref name.Reference) (string, error) {
	auth, err := authn.DefaultKeychain.Resolve(ref.Context())
	if err != nil {
		return "", err
	}
	cfg, err := auth.Authorization()
	if err != nil {
		return "", err
	}
	return registry.EncodeAuthConfig(registry.AuthConfig{
		Username: cfg.Username, Password: cfg.Password, Auth: cfg.Auth,
		IdentityToken: cfg.IdentityToken, RegistryToken: cfg.RegistryToken, ServerAddress: ref.Context().RegistryStr(),
	})
}

// followPull reads the engine's messages to their end and reports at most one line a second.
func followPull(body io.Reader, ref string, progress func(string), now func() time.Time) error {
	type amount struct{ Current, Total int64 }
	layers := map[string]amount{}
	last := now()
	dec := json.NewDecoder(body)
	for {
		var msg struct {
			ID, Status, Error string
			ProgressDetail    amount
		}
		if err := dec.Decode(&msg); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading the engine's answer: %w", err)
		}
		if msg.Error != "" {
			return errors.New(msg.Error)
		}
		if msg.Status != "Downloading" || msg.ProgressDetail.Total <= 0 {
			continue
		}
		layers[msg.ID] = msg.ProgressDetail
		if now().Sub(last) < time.Second {
			continue
		}
		last = now()
		var sum amount
		for _, l := range layers {
			sum.Current += l.Current
			sum.Total += l.Total
		}
		progress(fmt.Sprintf("pulling %s: %.1f of %.1f MB", ref, float64(sum.Current)/1e6, float64(sum.Total)/1e6))
	}
}

// pullError returns one sentence about an image that could not be pulled. Registries and engines have no types for these
// errors, and many words.
func pullError(ctx context.Context, ref, platform string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("pulling image %s: %w", ref, ctx.Err())
	}
	text := strings.ToLower(err.Error())
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(text, p) {
				return true
			}
		}
		return false
	}
	say := func(s string) error { return &ImageError{Ref: ref, Err: err, Text: s} }
	switch {
	case has("no matching manifest", "does not match the specified platform", "does not provide the specified platform"):
		if platform == "" {
			platform = "the engine's platform"
		}
		return say("its repository has no image for " + platform + ": choose another with --platform")
	case has(`operating system "windows"`, "windows"):
		return say("it is a Windows image: only Linux images can be sealed")
	case has("access denied", "unauthorized", "authentication required", "no basic auth"):
		return say("there is no such image, or it needs a login: check the name, or run `docker login`")
	case has("not found", "manifest unknown", "name unknown", "does not exist"):
		return say("there is no such image, neither in the engine nor in its registry: check the name and the tag")
	case has("no such host", "dial tcp", "i/o timeout", "connection refused", "request canceled", "tls", "server misbehaving",
		"network is unreachable", "context deadline", "eof"):
		if platform != "" {
			return say("the engine does not have it for " + platform + " and cannot reach its registry: build or load it first, or check the network")
		}
		return say("the engine does not have it and cannot reach its registry: build or load it first, or check the network")
	}
	return say("pulling failed: " + strings.TrimSpace(err.Error()))
}
