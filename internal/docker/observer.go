package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/podseal/podseal/internal/observe"
)

// Listening implements seal.Container: a short-lived helper container looks from inside the container's network
// namespace, since the image may have no program that could.
func (c *running) Listening(ctx context.Context) ([]int, error) {
	helper, err := c.e.helper(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking for listening ports: %w", err)
	}
	id, err := c.e.create(ctx, "listening", &container.Config{
		Image: helper.ID, Labels: c.e.labels(), Cmd: []string{"listening"},
	}, &container.HostConfig{NetworkMode: container.NetworkMode("container:" + c.id), CapDrop: []string{"ALL"}}, helper)
	if err != nil {
		return nil, fmt.Errorf("looking for listening ports: %w", err)
	}
	code, output, err := c.e.runToEnd(ctx, id)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalTime)
	defer cancel()
	if err := errors.Join(err, c.e.removeContainer(end, id)); err != nil {
		return nil, fmt.Errorf("looking for listening ports: %w", err)
	}
	if code != 0 {
		return nil, fmt.Errorf("looking for listening ports: the helper exited %d: %s", code, strings.TrimSpace(output))
	}
	var ports []int
	for _, word := range strings.Fields(output) {
		p, err := strconv.Atoi(word)
		if err != nil {
			return nil, fmt.Errorf("looking for listening ports: the helper said %q", output)
		}
		ports = append(ports, p)
	}
	slices.Sort(ports)
	return slices.Compact(ports), nil
}

// Phase implements seal.Container.
func (c *running) Phase(observe.Phase) {}

// Writes implements seal.Container.
func (c *running) Writes() ([]observe.Write, observe.Trace) {
	return nil, observe.Trace{Note: "the tracer is off"}
}
