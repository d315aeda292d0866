package docker

import (
	"slices"
	"strings"
	"time"

	dockerimage "github.com/docker/docker/api/types/image"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/podseal/podseal/internal/image"
)

// facts translates the engine's answer to go-containerregistry's terms.
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

// historyOf reverses the engine's history, which starts with the newest step. The engine does not report which steps made
// no layer: those of size 0 are taken for such where that agrees with the number of layers.
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
	// An image named by its id has no repository: any one that knows it will do.
	if isID(ref) && len(digests) > 0 {
		return slices.Min(digests)
	}
	return ""
}

// repository returns a reference without tag and digest, in the user's spelling.
func repository(ref string) string {
	ref, _, _ = strings.Cut(ref, "@")
	if i := strings.LastIndex(ref, ":"); i > strings.LastIndex(ref, "/") {
		ref = ref[:i]
	}
	return ref
}

// isID reports whether the reference is an image id, or the beginning of one, as docker images prints them.
func isID(ref string) bool {
	hex, full := strings.CutPrefix(ref, "sha256:")
	return (full || len(hex) >= 12) && len(hex) <= 64 && strings.Trim(hex, "0123456789abcdef") == ""
}
