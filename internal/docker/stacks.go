package docker

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
	dockerimage "github.com/docker/docker/api/types/image"

	"github.com/podseal/podseal/internal/image"
)

// Stacks are the layers of the engine's images that have a name, podseal's own left out.
func (e *Engine) Stacks(ctx context.Context) ([]image.Stack, error) {
	all, err := e.cli.ImageList(ctx, dockerimage.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing the engine's images: %w", err)
	}
	var out []image.Stack
	for _, i := range all {
		if len(i.RepoTags) == 0 || i.RepoTags[0] == "<none>:<none>" || repository(i.RepoTags[0]) == helperRepo {
			continue
		}
		found, err := e.cli.ImageInspect(ctx, i.ID)
		if errdefs.IsNotFound(err) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("inspecting image %s: %w", i.RepoTags[0], err)
		}
		for _, tag := range i.RepoTags {
			out = append(out, image.Stack{Ref: tag, Layers: found.RootFS.Layers})
		}
	}
	return out, nil
}
