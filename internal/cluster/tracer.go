package cluster

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/remotecommand"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/cluster/podtrace"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace"
)

// The limits of the waits for an observer.
const (
	sensorWait = 2 * time.Minute  // of a container, before it runs untraced
	joinWait   = 30 * time.Second // for a kubelet to start an observer
	execWait   = 5 * time.Second  // of a command, before it runs untraced
)

// tracer observes the container of a target through all its starts.
type tracer struct {
	hasProgram bool // podseal's program is in the container
	options    trace.ObserverOptions
	starts     trace.Starts

	mu       sync.Mutex
	why      string // why the container is not traced
	broken   bool   // a start after the first one is not observed
	observer string // the container of the present observer; "" where there is none
}

// traced reports whether the sensor precedes the container's program.
func (x *tracer) traced() bool { return x.options.Socket != "" }

// container returns the container of the present observer; "" where there is none.
func (x *tracer) container() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.observer
}

// unobservedError is a traced container that no observer can join.
type unobservedError struct {
	why   string
	every bool // the reason holds for every pod of the run
}

// Error returns the reason.
func (e *unobservedError) Error() string { return e.why }

// join lets an observer join the present start of a traced container, and waits until the application runs.
func (x *tracer) join(ctx context.Context, c *livePod) error {
	if !x.traced() {
		return nil
	}
	err := x.observe(ctx, c)
	if failed := new(unobservedError); errors.As(err, &failed) && len(x.starts.All()) > 0 {
		x.mu.Lock()
		x.broken, x.observer = true, ""
		x.mu.Unlock()
		return nil
	}
	return err
}

// observe starts an observer, and makes it the present one.
func (x *tracer) observe(ctx context.Context, c *livePod) error {
	c.mu.Lock()
	start, ref := c.restarts, c.image
	c.mu.Unlock()
	name := fmt.Sprintf("podseal-observer-%d", start)
	err := c.in.AddContainer(ctx, c.pod(), podtrace.Observer(name, c.made.main, ref))
	if refused := new(kube.Refusal); errors.As(err, &refused) {
		return &unobservedError{why: "tracing is off: " + advice(refused), every: true}
	}
	if err != nil {
		return err
	}
	if err := x.waitJoined(ctx, c, name, start); err != nil {
		return err
	}
	session := podtrace.Attach(ctx, func(ctx context.Context, argv []string, streams remotecommand.StreamOptions) error {
		_, err := c.in.ExecTo(ctx, c.pod(), name, argv, streams)
		return err
	}, x.options, func(ctx context.Context) bool { return startEnded(ctx, c, start) })
	x.starts.Add(session)
	x.mu.Lock()
	x.observer = name
	x.mu.Unlock()
	// An error is one of a container that has ended: it has no processes to observe. Its end shows otherwise.
	_ = session.Phase(ctx, x.starts.Phase())
	const first = 1 // of the PID namespace that the observer has joined
	_ = session.Target(ctx, first)
	waiting, cancel := context.WithTimeout(ctx, joinWait)
	defer cancel()
	_ = session.Started(waiting)
	if ctx.Err() != nil {
		return fmt.Errorf("observing pod %s: %w", c.pod(), context.Cause(ctx))
	}
	return nil
}

// waitJoined waits until a container that was added runs.
func (x *tracer) waitJoined(ctx context.Context, c *livePod, name string, start int32) error {
	within, cancel := context.WithTimeout(ctx, joinWait)
	defer cancel()
	_, err := c.in.watch.Wait(within, c.pod(), func(pod *corev1.Pod, deleted bool) (bool, error) {
		if s, ok := statusOf(pod, c.made.main); deleted || ok && hasEnded(s, start) {
			return false, &unobservedError{why: "tracing is off: the container exited before an observer could join it"}
		}
		for _, s := range pod.Status.EphemeralContainerStatuses {
			switch {
			case s.Name != name:
			case s.State.Running != nil:
				return true, nil
			case s.State.Terminated != nil:
				return false, &unobservedError{why: "tracing is off: the observer exited " + strconv.Itoa(exitOf(s.State.Terminated).Code), every: true}
			}
		}
		return false, nil
	})
	if ctx.Err() == nil && within.Err() != nil {
		return &unobservedError{why: fmt.Sprintf("tracing is off: the kubelet did not start an observer within %s", joinWait)}
	}
	return err
}

// hasEnded reports whether a certain start of a container has ended.
func hasEnded(s corev1.ContainerStatus, start int32) bool {
	_, ended := exitOfStart(s, start)
	return ended || s.RestartCount > start
}

// startEnded reports whether a certain start of the target's container has ended, or the kubelet says so a moment later.
func startEnded(ctx context.Context, c *livePod, start int32) bool {
	ctx, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	_, err := c.in.watch.Wait(ctx, c.pod(), func(pod *corev1.Pod, deleted bool) (bool, error) {
		s, ok := statusOf(pod, c.made.main)
		return deleted || ok && hasEnded(s, start), nil
	})
	return err == nil
}

// wrap puts the sensor before a command that is executed in the container, where its application is traced.
func (x *tracer) wrap(argv []string) []string {
	s := x.starts.Last()
	if s == nil || !s.Status().On {
		return argv
	}
	select {
	case <-s.Done():
		return argv
	default:
	}
	return trace.SensorArgs(argv, trace.SensorOptions{Socket: x.options.Socket, Wait: execWait})
}

// end lets the present start of a container end: by SIGKILL where an observer can, and else gently.
func (x *tracer) end(ctx context.Context, c *livePod) error {
	s := x.starts.Last()
	if s == nil || x.container() == "" || s.Kill(ctx) != nil {
		return c.renameImage(ctx)
	}
	c.mu.Lock()
	again := c.restarts > 0
	c.mu.Unlock()
	if again { // a kubelet waits before a second restart of one image, by its name
		_ = c.renameImage(ctx) // else it takes 10 seconds more
	}
	return nil
}

// close ends the streams of all observers.
func (x *tracer) close() {
	for _, s := range x.starts.All() {
		_ = s.Close() // it may have ended before
	}
}

// writes returns what the observers saw, and how far they saw. running reports whether the container runs.
func (x *tracer) writes(running bool) ([]observe.Write, observe.Trace) {
	x.mu.Lock()
	why, broken := x.why, x.broken
	x.mu.Unlock()
	if x.starts.Last() == nil {
		return nil, observe.Trace{Note: strings.TrimPrefix(why+"; "+untracedNote, "; ")}
	}
	x.starts.Drain(running)
	writes, all := x.starts.Writes()
	if broken {
		all.Broken = true
		all.Lost++
	}
	return writes, all
}
