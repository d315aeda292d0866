// Package needs runs the services of a target, a database for instance, on a separate network. Engine decorates
// another engine: a start of a target with services makes a fresh network and fresh services first, and the removal of its
// container removes them. State that one run leaves in a database is so unknown to the next.
package needs

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// Networks makes and removes networks. *docker.Client is one.
type Networks interface {
	// CreateNetwork creates a network whose name ends in the purpose. An engine without addresses for one returns an error
	// that wraps engine.ErrNoNetwork.
	CreateNetwork(ctx context.Context, purpose string) (name string, err error)
	// RemoveNetwork removes a network. It works with a context that has ended, and may be called again.
	RemoveNetwork(ctx context.Context, name string) error
	// NetworkAddresses returns the addresses of the containers on a network, by their names there.
	NetworkAddresses(ctx context.Context, name string) (map[string][]netip.Addr, error)
}

// Engine starts targets with their services.
type Engine struct {
	engine.Engine
	networks Networks

	mu      sync.Mutex
	held    int // networks that are not removed yet
	images  map[imageKey]image.Facts
	workers map[string]bool // names of services that were ready once
}

// imageKey names an image for a platform.
type imageKey struct{ ref, platform string }

// New returns an engine that starts services, and the targets that need them, with the inner engine.
func New(inner engine.Engine, networks Networks) *Engine {
	return &Engine{Engine: inner, networks: networks, images: map[imageKey]image.Facts{}, workers: map[string]bool{}}
}

// Start implements engine.Engine. A service that does not become ready is a *ServiceError. If the service was ready in
// an earlier run, all services are started once more first.
func (e *Engine) Start(ctx context.Context, t target.Target, facts image.Facts, p profile.Profile) (engine.Container, error) {
	if len(t.Needs) == 0 {
		return e.Engine.Start(ctx, t, facts, p)
	}
	if err := Check(t); err != nil {
		return nil, err
	}
	c, err := e.startOnce(ctx, t, facts, p)
	if failed := new(ServiceError); errors.As(err, &failed) && ctx.Err() == nil && e.wasReady(failed.Service) {
		c, err = e.startOnce(ctx, t, facts, p)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// startOnce starts the services on a new network, and then the target.
func (e *Engine) startOnce(ctx context.Context, t target.Target, facts image.Facts, p profile.Profile) (*container, error) {
	network, err := e.createNetwork(ctx)
	if err != nil {
		return nil, err
	}
	s := newServiceSet(e, network)
	if err := s.start(ctx, t.Needs); err != nil {
		return nil, engine.WithCleanup(err, s.remove(ctx))
	}
	t.Network = network
	inner, err := e.Engine.Start(ctx, t, facts, p)
	if err != nil {
		return nil, engine.WithCleanup(err, s.remove(ctx))
	}
	return &container{Container: inner, services: s}, nil
}

// facts returns the facts of a service's image. All runs of the engine use the same image, whatever its tag points to by
// then.
func (e *Engine) facts(ctx context.Context, t target.Target) (image.Facts, error) {
	key := imageKey{t.Image, t.Platform}
	e.mu.Lock()
	facts, ok := e.images[key]
	e.mu.Unlock()
	if ok {
		return facts, nil
	}
	facts, err := e.Image(ctx, t.Image, t.Platform)
	if err != nil {
		return facts, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.images[key] = facts
	return facts, nil
}

func (e *Engine) wasReady(service string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.workers[service]
}

func (e *Engine) noteReady(service string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.workers[service] = true
}

const (
	// networkWait is how long a start waits for another run of the engine to release its network, where the engine has no
	// addresses for one more.
	networkWait = 2 * time.Minute
	// networkPause is between two attempts to create a network.
	networkPause = 500 * time.Millisecond
)

// createNetwork creates a network. Where the engine has no addresses for one, and other runs of this engine hold networks,
// it waits for them: a bounded time, since they may wait for this run in turn.
func (e *Engine) createNetwork(ctx context.Context) (string, error) {
	for deadline := time.Now().Add(networkWait); ; {
		name, err := e.networks.CreateNetwork(ctx, "network")
		if err == nil {
			e.hold(1)
			return name, nil
		}
		if !errors.Is(err, engine.ErrNoNetwork) || e.hold(0) == 0 || time.Now().After(deadline) {
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", err
		case <-time.After(networkPause):
		}
	}
}

// hold counts networks that are made (1) or removed (-1), and returns how many there are.
func (e *Engine) hold(n int) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held += n
	return e.held
}
