package needs

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/probe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

// defaultReady is how long a service may take to become ready where its target does not say.
const defaultReady = 2 * time.Minute

// ServiceError is a service that did not become ready, or that exited while the target ran. It shows nothing about the
// profile of the target.
type ServiceError struct {
	Service string // its name
	Reason  string // "not ready after 2m0s: nothing listens on port 5432"
	Log     string // the last line of its logs; may be empty
}

// Error returns one sentence.
func (e *ServiceError) Error() string {
	text := fmt.Sprintf("service %s: %s", e.Service, e.Reason)
	if e.Log != "" {
		text += "; the last line of its log: " + e.Log
	}
	return text
}

// serviceSet is the services of one run, and their network.
type serviceSet struct {
	e       *Engine
	network string
	watched context.Context // ends when the set is removed
	end     context.CancelFunc

	mu        sync.Mutex
	running   []*running // in the order of their starts
	addresses map[netip.Addr]string
	failed    *ServiceError
	gone      bool // the network has been removed
}

// running is one service of a set.
type running struct {
	service
	container engine.Container
}

func newServiceSet(e *Engine, network string) *serviceSet {
	s := &serviceSet{e: e, network: network, addresses: map[netip.Addr]string{}}
	s.watched, s.end = context.WithCancel(context.Background())
	return s
}

// start starts the services in parallel, each when those that it needs are ready, and waits until all are.
func (s *serviceSet) start(ctx context.Context, needs []target.Service) error {
	services, err := order(target.Target{Needs: needs})
	if err != nil {
		return err
	}
	ready := map[string]chan struct{}{}
	for _, one := range services {
		ready[one.Name] = make(chan struct{})
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, one := range services {
		g.Go(func() error {
			for _, name := range one.after {
				select {
				case <-ready[name]:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			if err := s.startOne(ctx, one); err != nil {
				return err
			}
			close(ready[one.Name])
			return nil
		})
	}
	return g.Wait()
}

// startOne starts one service and waits until it is ready.
func (s *serviceSet) startOne(ctx context.Context, one service) error {
	facts, err := s.e.facts(ctx, one.Target)
	if err != nil {
		return fmt.Errorf("service %s: %w", one.Name, err)
	}
	t := one.Target
	t.Needs, t.Commands, t.Network, t.Alias, t.Untraced = nil, nil, s.network, one.Name, true
	if len(t.Ports) == 0 && t.Pod == nil {
		t.Ports = facts.Exposed("tcp")
	}
	one.Target = t
	began := time.Now()
	c, err := s.e.Engine.Start(ctx, t, facts, profile.Unrestricted())
	if pod := new(engine.PodError); errors.As(err, &pod) {
		return &ServiceError{Service: one.Name, Reason: pod.What, Log: lastLine(pod.Output)}
	}
	if err != nil {
		return fmt.Errorf("starting service %s: %w", one.Name, err)
	}
	r := &running{service: one, container: c}
	s.mu.Lock()
	s.running = append(s.running, r)
	s.mu.Unlock()
	if err := s.awaitReady(ctx, r, began); err != nil {
		return err
	}
	s.e.noteReady(one.Name)
	if !t.Completes {
		go s.watch(r)
	}
	return nil
}

// awaitReady waits until a service is ready: until it has exited with status 0 if it completes.
func (s *serviceSet) awaitReady(ctx context.Context, r *running, began time.Time) error {
	limit := r.Target.Ready.Timeout
	if limit <= 0 {
		limit = defaultReady
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	gone := make(chan error, 1)
	waiting, exited := context.WithCancel(within)
	defer exited()
	go func() { gone <- r.container.Wait(within); exited() }()

	var missing string
	var err error
	if r.Target.Completes {
		missing, err = "it should run to its end", <-gone
	} else if missing, err = s.probe(waiting, r, began); err != nil && waiting.Err() != nil {
		missing, err = "it has exited", nil // which the checks met as the end of their context
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && within.Err() == nil:
		return fmt.Errorf("waiting for service %s: %w", r.Name, err)
	case missing == "":
		return nil
	}
	if within.Err() != nil {
		return s.failure(ctx, r, fmt.Sprintf("not ready after %s: %s", limit, missing))
	}
	st, err := r.container.State(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("reading the state of service %s: %w", r.Name, err)
	case r.Target.Completes && st.Exit.Code == 0 && st.Exit.Error == "":
		return r.container.Proceed(ctx)
	}
	return s.failure(ctx, r, exitReason(st)+" before it was ready")
}

// probe waits for the readiness conditions of a service. The context ends when the service exits.
func (s *serviceSet) probe(ctx context.Context, r *running, began time.Time) (missing string, err error) {
	checks, err := probe.Checks(ctx, trial.Source(r.Target, r.container, began))
	if err != nil {
		return "", err
	}
	if missing, err = probe.Wait(ctx, checks); missing != "" || err != nil {
		return missing, err
	}
	st, err := r.container.State(ctx)
	if err == nil && (!st.Running || st.Other != "") {
		missing = "it has exited"
	}
	return missing, err
}

// watch notes that a service exits before the set is removed.
func (s *serviceSet) watch(r *running) {
	if r.container.Wait(s.watched) != nil || s.watched.Err() != nil {
		return
	}
	st, err := r.container.State(s.watched)
	if err != nil {
		return
	}
	failed := s.failure(s.watched, r, exitReason(st)+" while the target ran")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil && s.watched.Err() == nil {
		s.failed = failed
	}
}

// failure returns the error of a service, with the last line of its log.
func (s *serviceSet) failure(ctx context.Context, r *running, reason string) *ServiceError {
	logs, _ := r.container.Logs(ctx) // an error adds nothing to the reason
	return &ServiceError{Service: r.Name, Reason: reason, Log: lastLine(logs)}
}

// exited returns the service that has exited while the target ran; nil if all run.
func (s *serviceSet) exited() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		return nil
	}
	return s.failed
}

// remove removes the services and the network. It works with a context that has ended, and may be called again.
func (s *serviceSet) remove(ctx context.Context) error {
	s.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	var g errgroup.Group
	for _, r := range s.running {
		g.Go(func() error {
			if err := r.container.Remove(ctx); err != nil {
				return fmt.Errorf("removing service %s: %w", r.Name, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil || s.gone {
		return err
	}
	if err := s.e.networks.RemoveNetwork(ctx, s.network); err != nil {
		return err
	}
	s.gone = true
	s.e.hold(-1)
	return nil
}

func exitReason(st engine.State) string {
	switch {
	case st.Exit.OOMKilled:
		return "ran out of memory"
	case st.Other != "":
		return st.Other
	case st.Exit.Error != "":
		return "could not be executed: " + st.Exit.Error
	}
	return fmt.Sprintf("exited %d", st.Exit.Code)
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
