package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/inside"
)

// empty removes the content of the profile's mounts at some paths.
func (c *running) empty(ctx context.Context, paths []string) (err error) {
	args := []string{helperBinary, inside.EmptyCommand}
	host := &container.HostConfig{NetworkMode: "none"}
	for i, m := range c.mounts {
		if slices.Contains(paths, m.Path) {
			host.Mounts = append(host.Mounts, volumeMount(m.volume, prepared(i)))
			args = append(args, prepared(i))
		}
	}
	if len(host.Mounts) == 0 {
		return nil
	}
	helper, err := c.e.helper(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", engine.ErrCannotLook, err)
	}
	id, err := c.e.create(ctx, "empty", &container.Config{Image: helper.ID, Labels: c.e.labels(), Entrypoint: args, User: "0:0"}, host, helper)
	if err != nil {
		return err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalTime)
		defer cancel()
		err = errors.Join(err, c.e.removeContainer(end, id))
	}()
	code, output, err := c.e.runToEnd(ctx, id)
	if err == nil && code != 0 {
		err = fmt.Errorf("emptying %s: %s", strings.Join(paths, ", "), strings.TrimSpace(output))
	}
	return err
}
