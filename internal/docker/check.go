package docker

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"
)

// SettingError is a setting of the user that the engine does not take. Its text is one sentence with what to do.
type SettingError struct{ Text string }

func (e *SettingError) Error() string { return e.Text }

// checkVersion refuses a DOCKER_API_VERSION that the engine does not speak. The client sends it unchecked, and the
// engine's answer to any call is then a refusal of that call.
func (c *conn) checkVersion(ctx context.Context, newest string) error {
	version := os.Getenv(client.EnvOverrideAPIVersion)
	if version == "" {
		return nil
	}
	_, err := c.api.ServerVersion(ctx)
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	return &SettingError{fmt.Sprintf("DOCKER_API_VERSION=%s: the engine at %s does not speak this version, its newest is %s: unset it",
		version, c.host, newest)}
}

// CheckNetwork refuses a network mode that a container cannot be started with: that of a network or of a container which
// does not exist.
func (c *conn) CheckNetwork(ctx context.Context, name string) error {
	if name == "" || name == "host" || name == "none" || name == "bridge" || name == "default" {
		return nil
	}
	if other, ok := strings.CutPrefix(name, "container:"); ok {
		return c.checkNetworkOf(ctx, other)
	}
	_, err := c.api.NetworkInspect(ctx, name, network.InspectOptions{})
	switch {
	case err == nil:
		return nil
	case errdefs.IsNotFound(err), errdefs.IsInvalidArgument(err):
		return &SettingError{fmt.Sprintf("--network %s: the engine has no such network: see `docker network ls`", name)}
	default:
		return c.failure(ctx, "inspecting", "network "+name, err)
	}
}

func (c *conn) checkNetworkOf(ctx context.Context, container string) error {
	found, err := c.api.ContainerInspect(ctx, container)
	switch {
	case err == nil && found.State != nil && !found.State.Running:
		return &SettingError{fmt.Sprintf("--network container:%s: the container does not run: start it first", container)}
	case err == nil:
		return nil
	case errdefs.IsNotFound(err), errdefs.IsInvalidArgument(err):
		return &SettingError{fmt.Sprintf("--network container:%s: the engine has no such container: see `docker ps`", container)}
	default:
		return c.failure(ctx, "inspecting", "container "+container, err)
	}
}
