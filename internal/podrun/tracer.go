package podrun

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trace"
	"github.com/podseal/podseal/internal/tracehost"
)

// The limits of the waits for an observer.
const (
	sensorWait = 15 * time.Second // of a container, before it runs untraced
	execWait   = 5 * time.Second  // of a command, until the observer knows its process, before it runs untraced
	drainWait  = 2 * time.Second  // for what the observers of ended containers have still to say
)

// tracer observes one container through all its starts: its processes, its listening ports, the use of its mounts and,
// where the sensor precedes its program, each write.
type tracer struct {
	host     observerHost
	helper   *tracehost.Helper
	off      string // why single writes are not traced, as far as it is known before the helper image is; "" where they are
	arch     string // of the image
	options  trace.ObserverOptions
	next     chan observerStart // the observer for the start to come; nil where there is none
	commands foreignCommands
	starts   trace.Starts

	unfollow context.CancelFunc // ends the news of starts and commands

	starting sync.Mutex // held from a start of the container, or the news of one, until its observer is the current one
	observed int        // the first process of the start that the last observer has been given, on the engine's host

	mu     sync.Mutex
	why    string // why the container is not traced, or not observed
	broken bool   // a start after the first one is not observed
}

// observerStart is the result of starting an observer: its session, or the error.
type observerStart struct {
	session *trace.Session
	err     error
}

// errUnobserved is a container that waits for an observer which does not come.
var errUnobserved = errors.New("the container is not observed")

func (e *Engine) newTracer(t target.Target, facts image.Facts, p profile.Profile) *tracer {
	x := &tracer{host: e.host, helper: e.helper, arch: facts.Config.Architecture}
	x.options.Off = true // until a sensor is placed
	x.unfollow = func() {}
	if !p.Open && !p.LowPorts {
		x.options.PortStart = 1024
	}
	switch {
	case e.noTrace:
		x.off = "tracing was switched off"
	case t.Untraced:
		x.off = "tracing is off: the application does not work under no_new_privs, which the tracer needs"
	case occupied(t, facts, p):
		x.off = "tracing is off: the container has a volume at " + trace.Mountpoint + ", where the tracer's belongs"
	case !p.Open && p.AllowPrivilegeEscalation:
		x.off = "tracing is off: the tracer sets no_new_privs, and this run is about what happens without"
	}
	return x
}

// occupied reports whether a container has a volume at or below the place of the sensor's.
func occupied(t target.Target, facts image.Facts, p profile.Profile) bool {
	for v := range facts.Config.Config.Volumes {
		if profile.Within(path.Clean("/"+v), trace.Mountpoint) {
			return true
		}
	}
	return slices.ContainsFunc(t.Mounts, func(m target.VolumeMount) bool { return profile.Within(m.Path, trace.Mountpoint) }) ||
		!p.Open && slices.ContainsFunc(p.Mounts, func(m profile.Mount) bool { return profile.Within(m.Path, trace.Mountpoint) })
}

// place returns a container's spec with the sensor before its program. Where the container cannot be traced, the reason is
// kept and the spec is unchanged.
func (x *tracer) place(ctx context.Context, s docker.Spec) docker.Spec {
	if x.reason() != "" {
		return s // it has been tried
	}
	volume, why := x.sensorVolume(ctx)
	if why != "" {
		x.note(why)
		return s
	}
	x.options.Socket, x.options.Off = fmt.Sprintf("socket-%s", s.Name), false
	s.Mounts = append(s.Mounts, docker.Mount{Source: volume, Target: trace.Mountpoint, ReadOnly: true})
	s.SecurityOpt = append(s.SecurityOpt, "label=disable") // SELinux lets no socket cross containers
	s.Entrypoint = trace.SensorArgs(s.Entrypoint, trace.SensorOptions{Socket: x.options.Socket, Wait: sensorWait})
	return s
}

func (x *tracer) sensorVolume(ctx context.Context) (volume, why string) {
	helper, err := x.helper.Facts(ctx)
	if err != nil {
		return "", "tracing is off: " + err.Error()
	}
	if x.off != "" {
		return "", x.off
	}
	if helper.Config.Architecture != x.arch {
		return "", fmt.Sprintf("tracing is off: the image is for %s, emulated by an engine on %s", x.arch, helper.Config.Architecture)
	}
	if volume, err = x.host.SensorVolume(ctx); err != nil {
		return "", "tracing is off: " + err.Error()
	}
	return volume, ""
}

// disable lets the next start be one without the sensor. It keeps the reason.
func (x *tracer) disable() {
	x.unfollow() // of the container that will be removed
	x.starting.Lock()
	defer x.starting.Unlock()
	x.options.Socket, x.options.Off = "", true
	x.starts.Clear()
}

// traced reports whether the sensor precedes the container's program.
func (x *tracer) traced() bool { return !x.options.Off }

// wrap puts the sensor before a command that is executed in the container, where its application is traced. The user, the
// environment, the working directory, the output and the exit code are the command's own. ok is false where nothing would
// answer the command's calls.
func (x *tracer) wrap(argv []string) (wrapped []string, ok bool) {
	s := x.starts.Last()
	if s == nil || !s.Status().On {
		return argv, false
	}
	select {
	case <-s.Done():
		return argv, false
	default:
	}
	return trace.SensorArgs(argv, trace.SensorOptions{Socket: x.options.Socket, Wait: execWait}), true
}

// admit names the process of a command to the observer, which accepts no other's sensor.
func (x *tracer) admit(ctx context.Context, pid int) {
	ctx, cancel := context.WithTimeout(ctx, execWait)
	defer cancel()
	if s := x.starts.Last(); s != nil {
		_ = s.Admit(ctx, pid) // without an observer the command runs untraced
	}
}

// begin starts an observer for the start to come, in parallel with it.
func (x *tracer) begin(ctx context.Context) {
	x.dropNext()
	next := make(chan observerStart, 1)
	x.next = next
	options := x.options // they may change for a start without the sensor
	go func() { next <- x.observe(ctx, options) }()
}

func (x *tracer) observe(ctx context.Context, options trace.ObserverOptions) observerStart {
	session, err := x.host.Observe(ctx, options)
	if err != nil {
		return observerStart{err: err}
	}
	_ = session.Phase(ctx, x.starts.Phase()) // an error is one of the stream, whose end shows it
	return observerStart{session: session}
}

// await waits for the observer of a container that has just been started, and for its application to run.
func (x *tracer) await(ctx context.Context, pid func(context.Context) (int, error)) error {
	if x.next == nil {
		return nil
	}
	next := <-x.next
	x.next = nil
	return x.makeCurrent(ctx, next, pid)
}

// makeCurrent makes an observer the current one, and waits until the application runs. An application that no sensor precedes
// runs unobserved where there is no observer.
func (x *tracer) makeCurrent(ctx context.Context, next observerStart, pid func(context.Context) (int, error)) error {
	if next.err != nil {
		return x.unobserved(ctx, next.err)
	}
	x.starts.Add(next.session)
	number, err := pid(ctx)
	if err != nil {
		return err
	}
	if number == 0 { // it has ended before its program could run
		_ = next.session.Close()
		return ended(ctx)
	}
	x.serve(ctx, next.session, number)
	return ended(ctx)
}

// unobserved notes that a start has no observer. The error is nil where the application runs all the same.
func (x *tracer) unobserved(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	x.note("the container cannot be observed: " + err.Error())
	x.mu.Lock()
	x.broken = x.starts.Last() != nil
	x.mu.Unlock()
	if x.traced() {
		return errUnobserved
	}
	return nil
}

// serve gives an observer the first process of the container, and waits until the application runs. Errors are those of a
// container that has ended: it has no processes to observe.
func (x *tracer) serve(ctx context.Context, s *trace.Session, number int) {
	x.observed = number
	ctx, cancel := context.WithTimeout(ctx, 2*sensorWait)
	defer cancel()
	_ = s.Target(ctx, number)
	if x.traced() {
		_ = s.Started(ctx)
	}
}

// close ends the streams of all observers. One whose target is gone, or never came, ends then.
func (x *tracer) close(context.Context) error {
	x.unfollow()
	x.starting.Lock() // news of a start may be about to add an observer
	defer x.starting.Unlock()
	for _, s := range x.starts.All() {
		_ = s.Close() // it may have ended before
	}
	x.dropNext()
	return nil
}

// dropNext ends the observer of a start that has failed.
func (x *tracer) dropNext() {
	if x.next == nil {
		return
	}
	if next := <-x.next; next.session != nil {
		_ = next.session.Close()
	}
	x.next = nil
}

// note keeps the first reason why the container is not traced or not observed.
func (x *tracer) note(text string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.why == "" {
		x.why = text
	}
}

func (x *tracer) reason() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.why
}

func (x *tracer) isBroken() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.broken
}

// ended returns why a context has ended, a fault of the engine above all; nil where it has not.
func ended(ctx context.Context) error {
	if fault := new(engine.Fault); errors.As(context.Cause(ctx), &fault) {
		return fault
	}
	return ctx.Err()
}
