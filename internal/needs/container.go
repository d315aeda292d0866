package needs

import (
	"context"

	"github.com/podseal/podseal/internal/engine"
)

// container is a target with its services.
type container struct {
	engine.Container
	services *serviceSet
}

var _ engine.Serviced = (*container)(nil)

// State implements engine.Container. A service that has exited is a *ServiceError: nothing that the target does from then
// on shows anything about its profile.
func (c *container) State(ctx context.Context) (engine.State, error) {
	st, err := c.Container.State(ctx)
	if err == nil {
		err = c.services.exited()
	}
	return st, err
}

// Remove implements engine.Container.
func (c *container) Remove(ctx context.Context) error {
	return engine.WithCleanup(c.Container.Remove(ctx), c.services.remove(ctx))
}

// Services implements engine.Serviced.
func (c *container) Services() []engine.Service {
	var out []engine.Service
	for _, r := range c.services.running {
		out = append(out, engine.Service{
			Name: r.Name, Host: r.container.Host(), Declared: r.Target.Ports, Ports: r.container.Ports(), UDPPorts: r.container.UDPPorts(),
		})
	}
	return out
}
