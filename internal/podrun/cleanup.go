package podrun

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/podseal/podseal/internal/docker"
)

// cleanup is the list of what has to be removed with a container, in the order of its making.
type cleanup struct {
	mu    sync.Mutex
	steps []func(context.Context) error
}

func (c *cleanup) add(remove func(context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.steps = append(c.steps, remove)
}

func (c *cleanup) addVolume(client *docker.Client, name string) {
	c.add(func(ctx context.Context) error { return client.RemoveVolume(ctx, name) })
}

// run removes everything, the newest first. A failed removal stays in the list.
func (c *cleanup) run(ctx context.Context) error {
	c.mu.Lock()
	steps := slices.Clone(c.steps)
	c.steps = nil
	c.mu.Unlock()
	var errs []error
	for _, remove := range slices.Backward(steps) {
		if err := remove(ctx); err != nil {
			errs = append(errs, err)
			c.add(remove)
		}
	}
	return errors.Join(errs...)
}
