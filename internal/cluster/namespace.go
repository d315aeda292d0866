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

// namespaceFor returns the namespace for a pod, and makes it if need be.
func (e *Engine) namespaceFor(ctx context.Context, pod *corev1.Pod, traced bool) (*namespace, error) {
	level := kube.Restricted
	switch {
	case traced:
		level = e.tracedLevel()
	case e.opts.Namespace != "":
		level = ""
	case podspec.CheckRestricted(pod) != nil:
		level = e.opts.OpenLevel
	}
	return e.namespaceAt(ctx, level)
}

// namespaceAt returns the namespace of a level; an empty level is the user's namespace. Pods that start at the same time wait for
// one of them to make it.
func (e *Engine) namespaceAt(ctx context.Context, level kube.Level) (*namespace, error) {
	for {
		n, mine := e.join(level)
		if mine {
			return e.open(ctx, n, level)
		}
		select {
		case <-n.opened:
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for a namespace: %w", context.Cause(ctx))
		}
		if n.watch != nil {
			return n, nil
		}
	}
}

// join returns the namespace of a level, and whether the caller has to open it.
func (e *Engine) join(level kube.Level) (n *namespace, mine bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n := e.namespaces[level]; n != nil {
		return n, false
	}
	n = &namespace{opened: make(chan struct{}), scheduled: &e.scheduled}
	e.namespaces[level] = n
	return n, true
}

// sharedTime bounds the making of what all pods share.
const sharedTime = 30 * time.Second

// shared returns a context for the making of what all pods share. It does not end with the run that needs it first: that
// may be a speculative one, and what it had half made would be in the way of the others.
func shared(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), sharedTime)
}

// open makes the namespace in the cluster. After an error it is given up, and the next pod tries again.
func (e *Engine) open(ctx context.Context, n *namespace, level kube.Level) (*namespace, error) {
	ctx, cancel := shared(ctx)
	defer cancel()
	defer close(n.opened)
	if level == "" {
		n.Namespace = e.client.UseNamespace(e.opts.Namespace, e.runID)
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
		n.Namespace = made
		e.renew()
	}
	n.watch = n.Watch(ctx)
	return n, nil
}

// namespace is a namespace of Kubernetes with the watch of its pods.
type namespace struct {
	*kube.Namespace
	watch     *kube.PodWatch
	opened    chan struct{} // closed when watch is set, or the namespace could not be made
	scheduled *atomic.Int64 // how many pods of the run have a node, those of other namespaces included
	// unrequested is set once the namespace has refused a pod with requests.
	unrequested atomic.Bool

	programsMu sync.Mutex
	programs   map[string]*podtrace.Program // by architecture
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
			for _, n := range e.openNamespaces() {
				_ = n.Renew(ctx) // the next one is in time
			}
		}
	}()
}

// openNamespaces returns the namespaces that are open.
func (e *Engine) openNamespaces() []*namespace {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []*namespace
	for _, n := range e.namespaces {
		select {
		case <-n.opened:
			out = append(out, n)
		default:
		}
	}
	return out
}

// program returns podseal's program in the namespace, and brings it there at the first call.
func (n *namespace) program(ctx context.Context, arch string, program []byte) (*podtrace.Program, error) {
	n.programsMu.Lock()
	defer n.programsMu.Unlock()
	if have := n.programs[arch]; have != nil {
		return have, nil
	}
	ctx, cancel := shared(ctx)
	defer cancel()
	made, err := podtrace.Place(ctx, n.Namespace, arch, program)
	if err != nil {
		return nil, err
	}
	if n.programs == nil {
		n.programs = map[string]*podtrace.Program{}
	}
	n.programs[arch] = made
	return made, nil
}
