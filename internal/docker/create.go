package docker

import (
	"context"
	"errors"
	"fmt"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/versions"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/podseal/podseal/internal/image"
)

// create makes a container of exactly the image of the facts, whatever its tag points to by now, and returns its id.
func (e *Engine) create(
	ctx context.Context, what string, cfg *container.Config, host *container.HostConfig, facts image.Facts,
) (string, error) {
	return e.createAs(ctx, e.name(what), what, cfg, host, facts)
}

// createAs is create with a name that is known before.
func (e *Engine) createAs(
	ctx context.Context, name, what string, cfg *container.Config, host *container.HostConfig, facts image.Facts,
) (string, error) {
	making, cancel := whole(ctx)
	defer cancel()
	var platform *ocispec.Platform
	if versions.GreaterThanOrEqualTo(e.cli.ClientVersion(), "1.41") && facts.Platform != "" {
		// An image id may stand for several platforms. The variant is left out: engines disagree on its defaults, and
		// an id has one variant of an architecture.
		platform = &ocispec.Platform{OS: facts.Config.OS, Architecture: facts.Config.Architecture}
	}
	made, err := e.cli.ContainerCreate(making, cfg, host, nil, platform, name)
	if err != nil {
		return "", fmt.Errorf("creating the %s container: %w", what, err)
	}
	if err := ctx.Err(); err != nil {
		return "", errors.Join(err, e.removeContainer(making, made.ID))
	}
	return made.ID, nil
}

// runToEnd starts a container, waits for its end, and returns its exit code and the last part of its output.
func (e *Engine) runToEnd(ctx context.Context, id string) (int, string, error) {
	if err := e.cli.ContainerStart(ctx, id, container.StartOptions{}); err != nil {
		if exit, ok := execFailure(err); ok {
			return exit.Code, exit.Error, nil
		}
		return 0, "", err
	}
	if err := e.waitEnd(ctx, id); err != nil {
		return 0, "", err
	}
	found, err := e.cli.ContainerInspect(ctx, id)
	if err != nil {
		return 0, "", err
	}
	logs, err := e.logs(ctx, id)
	return found.State.ExitCode, logs, err
}

// waitEnd returns when the container does not run.
func (e *Engine) waitEnd(ctx context.Context, id string) error {
	ended, failed := e.cli.ContainerWait(ctx, id, container.WaitConditionNotRunning)
	select {
	case <-ended:
		return ctx.Err()
	case err := <-failed:
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("waiting for container %s: %w", id, err)
	}
}
