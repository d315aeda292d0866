package kube

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// lostTime is how long an API server may be unreachable before what waits for a pod gives up. A control plane of one node
// restarts in less.
const lostTime = 90 * time.Second

// PodWatch follows the pods of a run in one namespace by one watch, which survives a restart of the API server.
type PodWatch struct {
	namespace *Namespace
	stop      context.CancelFunc

	mu     sync.Mutex
	pods   map[string]*podState
	ended  chan struct{} // closed and replaced when a pod is gone
	failed error         // of the last request, nil once one has succeeded
	since  time.Time     // of failed
}

// podState is what is known of a pod that was shown, or that something waits for.
type podState struct {
	pod       *corev1.Pod   // nil before it was shown
	deleted   bool          // pod is its last state
	forgotten bool          // it is dropped once it is deleted
	changed   chan struct{} // closed and replaced at each change
}

// Watch starts to follow the pods of the run. The caller closes the watch.
func (n *Namespace) Watch(ctx context.Context) *PodWatch {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w := &PodWatch{namespace: n, stop: cancel, pods: map[string]*podState{}, ended: make(chan struct{})}
	_, controller := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: w.source(), ObjectType: &corev1.Pod{},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    func(o any) { w.update(o, false) },
			UpdateFunc: func(_, o any) { w.update(o, false) },
			DeleteFunc: func(o any) {
				if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
					o = gone.Obj
				}
				w.update(o, true)
			},
		},
	})
	go controller.RunWithContext(ctx)
	return w
}

// source lists and watches the pods of the run, and notes how the requests went.
func (w *PodWatch) source() cache.ListerWatcher {
	pods := w.namespace.client.API.CoreV1().Pods(w.namespace.Name)
	selector := LabelRun + "=" + w.namespace.RunID
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = selector
			list, err := pods.List(ctx, o)
			w.noteRequest(ctx, "list", err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = selector
			events, err := pods.Watch(ctx, o)
			w.noteRequest(ctx, "watch", err)
			return events, err
		},
	}
}

// noteRequest records the result of a request, and wakes what waits for a pod if it failed.
func (w *PodWatch) noteRequest(ctx context.Context, verb string, err error) {
	if apierrors.IsResourceExpired(err) || apierrors.IsInvalid(err) {
		err = nil // asked for again, in another way
	}
	refused := w.namespace.client.refused(ctx, err, Access{Verb: verb, Resource: "pods", Namespace: w.namespace.Name})
	w.mu.Lock()
	defer w.mu.Unlock()
	if refused != nil && w.failed == nil {
		w.since = time.Now()
	}
	w.failed = refused
	if refused == nil {
		return
	}
	for _, s := range w.pods {
		s.wake()
	}
}

// state returns what is known of a pod. The lock is held.
func (w *PodWatch) state(name string) *podState {
	s := w.pods[name]
	if s == nil {
		s = &podState{changed: make(chan struct{})}
		w.pods[name] = s
	}
	return s
}

func (w *PodWatch) update(o any, deleted bool) {
	pod, ok := o.(*corev1.Pod)
	if !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.state(pod.Name)
	s.pod, s.deleted = pod, deleted
	if deleted && s.forgotten {
		delete(w.pods, pod.Name)
	}
	if deleted {
		close(w.ended)
		w.ended = make(chan struct{})
	}
	s.wake()
}

// wake wakes what waits for the pod. The lock is held.
func (s *podState) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Forget drops a pod as soon as it is gone. Nothing may wait for it any more.
func (w *PodWatch) Forget(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.state(name)
	if s.forgotten = true; s.deleted {
		delete(w.pods, name)
	}
}

// Ended returns a channel that is closed when the next pod is gone.
func (w *PodWatch) Ended() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended
}

// Get returns the last state of a pod that the watch has shown, and whether the pod is gone by now; nil before it was
// shown.
func (w *PodWatch) Get(name string) (pod *corev1.Pod, deleted bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.pods[name]; s != nil {
		return s.pod, s.deleted
	}
	return nil, false
}

// Wait calls done with each state of a pod that the watch shows, from the present one on, until done returns true or an
// error. A pod that is gone is shown in its last state, with deleted set. Wait returns an *Unreachable once the API
// server has not answered for 90 seconds, and a *Refusal where the user may not watch pods.
func (w *PodWatch) Wait(ctx context.Context, name string, done func(pod *corev1.Pod, deleted bool) (bool, error)) (*corev1.Pod, error) {
	for {
		w.mu.Lock()
		s := w.state(name)
		pod, deleted, changed, failed, since := s.pod, s.deleted, s.changed, w.failed, w.since
		w.mu.Unlock()
		if pod != nil {
			if ok, err := done(pod, deleted); ok || err != nil {
				return pod, err
			}
		}
		var tooLong <-chan time.Time
		if failed != nil {
			if IsRefusal(failed) {
				return nil, failed
			}
			left := lostTime - time.Since(since)
			if left <= 0 {
				return nil, &Unreachable{Server: w.namespace.client.Config.Host, Err: failed}
			}
			tooLong = time.After(left)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for pod %s: %w", name, context.Cause(ctx))
		case <-changed:
		case <-tooLong:
		}
	}
}

// Close ends the watch.
func (w *PodWatch) Close() { w.stop() }

// Unreachable is an API server that does not answer any more.
type Unreachable struct {
	Server string
	Err    error
}

// Error returns one sentence.
func (e *Unreachable) Error() string {
	return fmt.Sprintf("the API server at %s has not answered for %s: %v", e.Server, lostTime, e.Err)
}

// Unwrap returns the error of the last request.
func (e *Unreachable) Unwrap() error { return e.Err }
