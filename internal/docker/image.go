package docker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	dockerimage "github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/podseal/podseal/internal/image"
)

// ImageError is an image that cannot be used. Its text is one sentence with what to do.
type ImageError struct {
	Ref  string
	Text string
	Err  error // may be nil
}

func (e *ImageError) Error() string { return "image " + e.Ref + ": " + e.Text }

// Unwrap returns the engine's own error.
func (e *ImageError) Unwrap() error { return e.Err }

// Has tells whether the engine has an image for the platform already. It pulls nothing.
func (e *Engine) Has(ctx context.Context, ref, platform string) (bool, error) {
	want, err := parsePlatform(ref, platform)
	if err != nil {
		return false, err
	}
	found, err := e.inspectImage(ctx, ref, want)
	switch {
	case err == nil:
		return matches(found, want), nil
	case errdefs.IsNotFound(err):
		return false, nil
	case errdefs.IsInvalidArgument(err):
		return false, &ImageError{Ref: ref, Err: err, Text: "this is not an image reference: check its spelling"}
	default:
		return false, fmt.Errorf("inspecting image %s: %w", ref, err)
	}
}

// Image implements engine.Engine. An image that the engine has is used as it is, however old; another one is pulled.
func (e *Engine) Image(ctx context.Context, ref, platform string) (image.Facts, error) {
	want, err := parsePlatform(ref, platform)
	if err != nil {
		return image.Facts{}, err
	}
	found, err := e.inspectImage(ctx, ref, want)
	switch {
	case err == nil && matches(found, want):
	case err == nil || errdefs.IsNotFound(err):
		if err := e.pull(ctx, ref, platform); err != nil {
			return image.Facts{}, err
		}
		if found, err = e.inspectImage(ctx, ref, want); err != nil {
			return image.Facts{}, fmt.Errorf("inspecting image %s: %w", ref, err)
		}
	case errdefs.IsInvalidArgument(err):
		return image.Facts{}, &ImageError{Ref: ref, Err: err, Text: "this is not an image reference: check its spelling"}
	default:
		return image.Facts{}, fmt.Errorf("inspecting image %s: %w", ref, err)
	}
	if err := usable(ref, found, want); err != nil {
		return image.Facts{}, err
	}
	history, err := e.cli.ImageHistory(ctx, found.ID)
	if err != nil {
		return image.Facts{}, fmt.Errorf("reading the history of image %s: %w", ref, err)
	}
	return facts(ref, found, history), nil
}

func (e *Engine) inspectImage(ctx context.Context, ref string, want *v1.Platform) (dockerimage.InspectResponse, error) {
	var opts []client.ImageInspectOption
	if want != nil && versions.GreaterThanOrEqualTo(e.cli.ClientVersion(), "1.49") {
		opts = append(opts, client.ImageInspectWithPlatform(ociPlatform(want)))
	}
	return e.cli.ImageInspect(ctx, ref, opts...)
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

// matches tells whether an image is of the platform. Images that do not tell their variant are taken for any.
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

// facts turns what the engine tells into go-containerregistry's words.
func facts(ref string, found dockerimage.InspectResponse, history []dockerimage.HistoryResponseItem) image.Facts {
	cf := &v1.ConfigFile{
		Architecture: found.Architecture, Variant: found.Variant, OS: found.Os, OSVersion: found.OsVersion,
		Author: found.Author, RootFS: v1.RootFS{Type: "layers"},
	}
	if t, err := time.Parse(time.RFC3339Nano, found.Created); err == nil {
		cf.Created = v1.Time{Time: t}
	}
	if found.Config != nil {
		cf.Config = runConfig(found.Config)
	}
	for _, layer := range found.RootFS.Layers {
		if h, err := v1.NewHash(layer); err == nil {
			cf.RootFS.DiffIDs = append(cf.RootFS.DiffIDs, h)
		}
	}
	cf.History = historyOf(history, len(cf.RootFS.DiffIDs))
	platform := v1.Platform{OS: found.Os, Architecture: found.Architecture, Variant: found.Variant}
	return image.Facts{
		Ref: ref, ID: found.ID, Digest: repoDigest(ref, found.RepoDigests), Platform: platform.String(), Config: cf,
	}
}

func runConfig(c *dockerspec.DockerOCIImageConfig) v1.Config {
	out := v1.Config{
		User: c.User, Env: c.Env, Entrypoint: c.Entrypoint, Cmd: c.Cmd, WorkingDir: c.WorkingDir, Volumes: c.Volumes,
		ExposedPorts: c.ExposedPorts, Labels: c.Labels, StopSignal: c.StopSignal, OnBuild: c.OnBuild, Shell: c.Shell,
	}
	if h := c.Healthcheck; h != nil {
		out.Healthcheck = &v1.HealthConfig{
			Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, Retries: h.Retries,
		}
	}
	return out
}

// historyOf turns the engine's history (newest first) around. The engine does not say which steps made no layer: those
// of size 0 are taken for such when that agrees with the number of layers.
func historyOf(items []dockerimage.HistoryResponseItem, layers int) []v1.History {
	items = slices.Clone(items)
	slices.Reverse(items)
	var out []v1.History
	sized := 0
	for _, i := range items {
		if i.Size > 0 {
			sized++
		}
		out = append(out, v1.History{
			CreatedBy: i.CreatedBy, Comment: i.Comment, Created: v1.Time{Time: time.Unix(i.Created, 0).UTC()},
			EmptyLayer: i.Size == 0,
		})
	}
	if sized != layers {
		for n := range out {
			out[n].EmptyLayer = false
		}
	}
	return out
}

// repoDigest returns the digest under which the image is known in the reference's own repository.
func repoDigest(ref string, digests []string) string {
	if given, err := name.NewDigest(ref); err == nil {
		for _, d := range digests {
			if strings.HasSuffix(d, "@"+given.DigestStr()) {
				return d
			}
		}
		return repository(ref) + "@" + given.DigestStr()
	}
	want, err := name.ParseReference(ref)
	for _, d := range digests {
		got, gotErr := name.NewDigest(d)
		if err == nil && gotErr == nil && got.Context().Name() == want.Context().Name() {
			return d
		}
	}
	// An image named by its id has no repository of its own: any one that knows it will do.
	if isID(ref) && len(digests) > 0 {
		return slices.Min(digests)
	}
	return ""
}

// repository is a reference without tag and digest, in the user's spelling.
func repository(ref string) string {
	ref, _, _ = strings.Cut(ref, "@")
	if i := strings.LastIndex(ref, ":"); i > strings.LastIndex(ref, "/") {
		ref = ref[:i]
	}
	return ref
}

// isID tells whether the reference is an image id, or the beginning of one, as docker images prints them.
func isID(ref string) bool {
	hex, full := strings.CutPrefix(ref, "sha256:")
	return (full || len(hex) >= 12) && len(hex) <= 64 && strings.Trim(hex, "0123456789abcdef") == ""
}
