package docker

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
)

// ImageOf returns the id of the image that an existing container was made from.
func (e *Engine) ImageOf(ctx context.Context, id string) (string, error) {
	found, err := e.cli.ContainerInspect(ctx, id)
	switch {
	case errdefs.IsNotFound(err):
		return "", fmt.Errorf("no container %s in the engine: docker ps -a shows what there is", id)
	case err != nil:
		return "", fmt.Errorf("inspecting the container %s: %w", id, err)
	}
	return found.Image, nil
}
