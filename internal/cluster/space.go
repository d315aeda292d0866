package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/cluster/podtrace"
	"github.com/podseal/podseal/internal/podspec"
)

// space returns the namespace for a pod, and makes it if need be.
func (e *Engine) space(ctx context.Context, pod *corev1.Pod, traced bool) (*space, error) {
	level := kube.Restricted
	switch {
	case traced:
		level = e.tracedLevel()
	case e.opts.Namespace != "":
		level = ""
	case podspec.CheckRestricted(pod) != nil:
		level = e.opts.OpenLevel
	}
	return e.spaceAt(ctx, level)
}

// spaceAt returns the namespace of a level; an empty level is the user's namespace. Pods that start at the same time wait for
// one of them to make it.
func (e *Engine) spaceAt(ctx context.Context, level kube.Level) (*space, error) {
	for {
		s, mine := e.join(level)
		if mine {
			return e.open(ctx, s, level)
		}
		select {
		case <-s.opened:
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for a namespace: %w", context.Cause(ctx))
		}
		if s.watch != nil {
			return s, nil
		}
	}
}

// join returns the space of a level, and whether the caller has to open it.
func (e *Engine) join(level kube.Level) (s *space, mine bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.namespaces[level]; s != nil {
		return s, false
	}
	s = &space{opened: make(chan struct{}), placed: &e.placed}
	e.namespaces[level] = s
	return s, true
}

// sharedTime bounds the making of what all pods share.
const sharedTime = 30 * time.Second

// shared returns a context for the making of what all pods share. It does not end with the run that needs it first: that
// may be a speculative one, and what it had half made would be in the way of the others.
func shared(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), sharedTime)
}

// open makes the namespace of a space. After an error the space is given up, and the next pod tries again.
func (e *Engine) open(ctx context.Context, s *space, level kube.Level) (*space, error) {
	ctx, cancel := shared(ctx)
	defer cancel()
	defer close(s.opened)
	if level == "" {
		s.Namespace = e.client.UseNamespace(e.opts.Namespace, e.runID)
	} else {
		made, err := e.client.CreateNamespace(ctx, e.runID, string(level), level, e.opts.PullSecrets)
		if err != nil {
			if made != nil {
				err = errors.Join(err, made.Delete(context.WithoutCancel(ctx)))
			}
			e.mu.Lock()
			defer e.mu.Unlock()
			delete(e.namespaces, level)
			return nil, err
		}
		s.Namespace = made
		e.renew()
	}
	s.watch = s.Watch(ctx)
	return s, nil
}

// space is a namespace with the watch of its pods.
type space struct {
	*kube.Namespace
	watch  *kube.PodWatch
	opened chan struct{} // closed when watch is set, or the namespace could not be made
	placed *atomic.Int64 // how many pods of the run have a node, those of other namespaces included
	// unrequested is set once the namespace has refused a pod with requests.
	unrequested atomic.Bool

	bringing sync.Mutex
	programs map[string]*podtrace.Program // by architecture
}

// renew starts to extend the claim on the namespaces, so that a collection of garbage leaves them alone.
func (e *Engine) renew() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.renewal != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	e.renewal = cancel
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(kube.LeaseTime / 3):
			}
			for _, s := range e.spaces() {
				_ = s.Renew(ctx) // the next one is in time
			}
		}
	}()
}

// spaces returns the namespaces that are open.
func (e *Engine) spaces() []*space {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []*space
	for _, s := range e.namespaces {
		select {
		case <-s.opened:
			out = append(out, s)
		default:
		}
	}
	return out
}

// program returns podseal's program in the namespace, and brings it there at the first call.
func (s *space) program(ctx context.Context, arch string, program []byte) (*podtrace.Program, error) {
	s.bringing.Lock()
	defer s.bringing.Unlock()
	if have := s.programs[arch]; have != nil {
		return have, nil
	}
	ctx, cancel := shared(ctx)
	defer cancel()
	made, err := podtrace.Place(ctx, s.Namespace, arch, program)
	if err != nil {
		return nil, err
	}
	if s.programs == nil {
		s.programs = map[string]*podtrace.Program{}
	}
	s.programs[arch] = made
	return made, nil
}
