package needs

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/probe"
)

// container is a target with its services.
type container struct {
	engine.Container
	services *serviceSet
}

var _ engine.Addressed = (*container)(nil)

// State implements engine.Container. A service that has exited is a *ServiceError: nothing that the target does from then
// on shows anything about its profile.
func (c *container) State(ctx context.Context) (engine.State, error) {
	st, err := c.Container.State(ctx)
	if err == nil {
		err = c.services.exited()
	}
	return st, err
}

// Connections implements engine.Container. It names the services at the addresses, and leaves out those of the container
// itself.
func (c *container) Connections(ctx context.Context) ([]observe.Connection, error) {
	found, err := c.Container.Connections(ctx)
	if err != nil {
		return found, err
	}
	// Without the network, which ends with the set, the addresses of an earlier call are all that there is.
	_ = c.services.learnAddresses(ctx)
	return c.services.named(found), nil
}

// Remove implements engine.Container.
func (c *container) Remove(ctx context.Context) error {
	return engine.WithCleanup(c.Container.Remove(ctx), c.services.remove(ctx))
}

// Environment implements engine.Addressed. For the service my-db it has PODSEAL_MY_DB_HOST, PODSEAL_MY_DB_PORT (the first
// port) and PODSEAL_MY_DB_PORT_<n>.
func (c *container) Environment() []string {
	var env []string
	if a, ok := c.Container.(engine.Addressed); ok {
		env = a.Environment()
	}
	for _, r := range c.services.running {
		env = append(env, environment(r.Name, r.container, probe.Ports(r.Target))...)
	}
	return env
}

// environment returns the variables of a service that declares TCP ports in an order.
func environment(name string, c engine.Container, declared []int) []string {
	prefix := "PODSEAL_" + strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(name))
	env := []string{prefix + "_HOST=" + c.Host()}
	published := c.Ports()
	var ports []int
	for _, p := range slices.Concat(declared, slices.Sorted(maps.Keys(published))) {
		if _, ok := published[p]; ok && !slices.Contains(ports, p) {
			ports = append(ports, p)
		}
	}
	for i, p := range ports {
		if i == 0 {
			env = append(env, fmt.Sprintf("%s_PORT=%d", prefix, published[p]))
		}
		env = append(env, fmt.Sprintf("%s_PORT_%d=%d", prefix, p, published[p]))
	}
	udp := c.UDPPorts()
	for _, p := range slices.Sorted(maps.Keys(udp)) {
		env = append(env, fmt.Sprintf("%s_PORT_%d_UDP=%d", prefix, p, udp[p]))
	}
	return env
}

// learnAddresses asks the engine for the addresses on the network. Those of containers that have gone are kept.
func (s *serviceSet) learnAddresses(ctx context.Context) error {
	found, err := s.e.networks.NetworkAddresses(ctx, s.network)
	s.mu.Lock()
	defer s.mu.Unlock()
	services := map[string]bool{}
	for _, r := range s.running {
		services[r.Name] = true
	}
	// A container has further names, such as its id: one that is no service's belongs to the target, or to a service that
	// has its own name as well.
	for _, name := range slices.Sorted(maps.Keys(found)) {
		for _, a := range found[name] {
			if services[name] || s.addresses[a] == "" {
				s.addresses[a] = name
			}
		}
	}
	for a, name := range s.addresses {
		if !services[name] {
			s.addresses[a] = self
		}
	}
	return err
}

// self stands for the target in the addresses of a set. No service has this name.
const self = "the target"

// named returns connections with the names of their peers, without those to the target itself.
func (s *serviceSet) named(found []observe.Connection) []observe.Connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []observe.Connection
	for _, c := range found {
		a, err := netip.ParseAddr(c.Address)
		if err == nil {
			c.Peer = s.addresses[a]
		}
		if c.Peer != self {
			out = append(out, c)
		}
	}
	return out
}
