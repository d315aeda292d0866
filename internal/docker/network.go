package docker

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/network"

	"github.com/podseal/podseal/internal/engine"
)

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

// networkStore makes and removes networks of an engine.
type networkStore struct{ *conn }

// CreateNetwork creates a bridge network of this run and returns its name, which ends in the purpose. The error wraps
// engine.ErrNoNetwork where the engine has no addresses left for one.
func (c networkStore) CreateNetwork(ctx context.Context, purpose string) (string, error) {
	name := c.Name(purpose)
	if err := ctx.Err(); err != nil {
		return "", c.failure(ctx, "creating", "network "+name, err)
	}
	making, cancel := creationContext(ctx)
	defer cancel()
	_, err := c.api.NetworkCreate(making, name, network.CreateOptions{Driver: "bridge", Labels: c.labels()})
	switch {
	case err == nil:
		return name, nil
	case isExhausted(err):
		return "", fmt.Errorf("creating network %s: %w", name, engine.ErrNoNetwork)
	}
	return "", c.creationFailure(ctx, making, "network "+name, err)
}

// isExhausted reports whether a network could not be created because every address pool of the engine is in use. The
// engine has no type for this error.
func isExhausted(err error) bool {
	for _, text := range []string{"non-overlapping IPv4 address pool", "address pools have been fully subnetted"} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}

// RemoveNetwork removes a network. One that is gone is fine; one that a dying container holds is tried again for a while.
// It does not end with its context.
func (c networkStore) RemoveNetwork(ctx context.Context, name string) error {
	busy := func(err error) bool { return errdefs.IsConflict(err) || errdefs.IsPermissionDenied(err) } // it "has active endpoints"
	return c.removeBusy(ctx, "network "+name, busy, func(ctx context.Context) error { return c.api.NetworkRemove(ctx, name) })
}

// NetworkAddresses returns the addresses of the containers on a network, by the names that they have there.
func (c networkStore) NetworkAddresses(ctx context.Context, name string) (map[string][]netip.Addr, error) {
	found, err := c.api.NetworkInspect(ctx, name, network.InspectOptions{})
	if err != nil {
		return nil, c.failure(ctx, "inspecting", "network "+name, err)
	}
	out := map[string][]netip.Addr{}
	for id := range found.Containers {
		box, err := c.api.ContainerInspect(ctx, id)
		if errdefs.IsNotFound(err) {
			continue // it has been removed meanwhile
		}
		if err != nil {
			return nil, c.failure(ctx, "inspecting", "container "+id, err)
		}
		if box.NetworkSettings == nil || box.NetworkSettings.Networks[name] == nil {
			continue
		}
		at := box.NetworkSettings.Networks[name]
		for _, alias := range at.Aliases {
			for _, text := range []string{at.IPAddress, at.GlobalIPv6Address} {
				if a, err := netip.ParseAddr(text); err == nil {
					out[alias] = append(out[alias], a)
				}
			}
		}
	}
	return out, nil
}
