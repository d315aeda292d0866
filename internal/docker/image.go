package docker

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
	dockerimage "github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/podseal/podseal/internal/image"
)

// imageStore finds, pulls, loads and removes images of an engine.
type imageStore struct{ *conn }

// ImageError is an image that cannot be used. Its text is one sentence with what to do.
type ImageError struct {
	Ref  string
	Text string
	Err  error // may be nil
}

func (e *ImageError) Error() string { return "image " + e.Ref + ": " + e.Text }

// Unwrap returns the engine's own error.
func (e *ImageError) Unwrap() error { return e.Err }

// Has reports whether the engine has an image for the platform. It pulls nothing.
func (c imageStore) Has(ctx context.Context, ref, platform string) (bool, error) {
	want, err := parsePlatform(ref, platform)
	if err != nil {
		return false, err
	}
	found, err := c.inspectImage(ctx, ref, want)
	switch {
	case err == nil:
		return matches(found, want), nil
	case errdefs.IsNotFound(err):
		return false, nil
	case errdefs.IsInvalidArgument(err):
		return false, &ImageError{Ref: ref, Err: err, Text: "this is not an image reference: check its spelling"}
	default:
		return false, c.failure(ctx, "inspecting", "image "+ref, err)
	}
}

// Image returns the facts of an image, which pin it: a container of these facts runs exactly this image, whatever its tag
// points to by then. An image that the engine has is used as it is, however old; another one is pulled.
func (c imageStore) Image(ctx context.Context, ref, platform string) (image.Facts, error) {
	want, err := parsePlatform(ref, platform)
	if err != nil {
		return image.Facts{}, err
	}
	found, err := c.inspectImage(ctx, ref, want)
	switch {
	case err == nil && matches(found, want):
	case err == nil || errdefs.IsNotFound(err):
		if err := c.pull(ctx, ref, platform); err != nil {
			return image.Facts{}, err
		}
		if found, err = c.inspectImage(ctx, ref, want); err != nil {
			return image.Facts{}, c.failure(ctx, "inspecting", "image "+ref, err)
		}
	case errdefs.IsInvalidArgument(err):
		return image.Facts{}, &ImageError{Ref: ref, Err: err, Text: "this is not an image reference: check its spelling"}
	default:
		return image.Facts{}, c.failure(ctx, "inspecting", "image "+ref, err)
	}
	if err := usable(ref, found, want); err != nil {
		return image.Facts{}, err
	}
	history, err := c.api.ImageHistory(ctx, found.ID)
	if err != nil {
		return image.Facts{}, c.failure(ctx, "reading the history of", "image "+ref, err)
	}
	return facts(ref, found, history), nil
}

func (c imageStore) inspectImage(ctx context.Context, ref string, want *v1.Platform) (dockerimage.InspectResponse, error) {
	var opts []client.ImageInspectOption
	if want != nil && versions.GreaterThanOrEqualTo(c.api.ClientVersion(), "1.49") {
		opts = append(opts, client.ImageInspectWithPlatform(ociPlatform(want)))
	}
	return c.api.ImageInspect(ctx, ref, opts...)
}

// parsePlatform reads "linux/arm64/v8"; nil when none is asked for.
func parsePlatform(ref, platform string) (*v1.Platform, error) {
	if platform == "" {
		return nil, nil
	}
	p, err := v1.ParsePlatform(platform)
	if err != nil || p.Architecture == "" {
		return nil, &ImageError{Ref: ref, Err: err, Text: fmt.Sprintf("platform %q is not of the form linux/amd64", platform)}
	}
	if p.OS != "linux" {
		return nil, &ImageError{Ref: ref, Text: fmt.Sprintf("platform %s: only Linux images can be sealed", platform)}
	}
	return p, nil
}

func ociPlatform(p *v1.Platform) *ocispec.Platform {
	if p == nil {
		return nil
	}
	return &ocispec.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}
}

// matches reports whether an image is of the platform. An image without a variant matches every one.
func matches(found dockerimage.InspectResponse, want *v1.Platform) bool {
	if want == nil {
		return true
	}
	return found.Os == want.OS && found.Architecture == want.Architecture &&
		(want.Variant == "" || found.Variant == "" || found.Variant == want.Variant)
}

func usable(ref string, found dockerimage.InspectResponse, want *v1.Platform) error {
	if found.Os != "linux" && found.Os != "" {
		return &ImageError{Ref: ref, Text: "it is for " + found.Os + ": only Linux images can be sealed"}
	}
	if !matches(found, want) {
		return &ImageError{Ref: ref, Text: fmt.Sprintf("the engine has it for %s/%s only, not for %s: choose another "+
			"--platform or another image", found.Os, found.Architecture, want)}
	}
	return nil
}

// Stacks returns the layers of the engine's images that have a name, without helper images.
func (c imageStore) Stacks(ctx context.Context) ([]image.Stack, error) {
	all, err := c.api.ImageList(ctx, dockerimage.ListOptions{})
	if err != nil {
		return nil, c.failure(ctx, "listing", "images", err)
	}
	var out []image.Stack
	for _, i := range all {
		if len(i.RepoTags) == 0 || i.RepoTags[0] == "<none>:<none>" || i.Labels[labelRun] == helperRun {
			continue
		}
		found, err := c.api.ImageInspect(ctx, i.ID)
		if errdefs.IsNotFound(err) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, c.failure(ctx, "inspecting", "image "+i.RepoTags[0], err)
		}
		var passed []string
		if c := found.Config; c != nil {
			passed = image.Passed(v1.Config{ExposedPorts: c.ExposedPorts, Volumes: c.Volumes, Labels: c.Labels, Env: c.Env})
		}
		for _, tag := range i.RepoTags {
			out = append(out, image.Stack{Ref: tag, Layers: found.RootFS.Layers, Passed: passed})
		}
	}
	return out, nil
}

// RemoveImage removes an image or a name of one, with its nameless parents. removed is false where it was gone already, or
// is in use by a container or another image.
func (c imageStore) RemoveImage(ctx context.Context, name string) (removed bool, err error) {
	_, err = c.api.ImageRemove(ctx, name, dockerimage.RemoveOptions{PruneChildren: true})
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
		return false, nil
	}
	if err != nil {
		return false, c.failure(ctx, "removing", "image "+name, err)
	}
	return true, nil
}
