package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/podseal/podseal/internal/seal"
)

// EmptyCommand is the hidden subcommand that empties folders. It runs in the helper image.
const EmptyCommand = "empty"

// Empty removes everything in the folders, and returns an exit code.
func Empty(folders []string) int {
	var errs []error
	for _, dir := range folders {
		entries, err := os.ReadDir(dir)
		errs = append(errs, err)
		for _, e := range entries {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	if err := errors.Join(errs...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// empty removes the content of the profile's mounts at some paths.
func (c *running) empty(ctx context.Context, paths []string) (err error) {
	args := []string{helperBinary, EmptyCommand}
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
		return fmt.Errorf("%w: %w", seal.ErrCannotLook, err)
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
