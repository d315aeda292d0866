package podrun

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trace"
)

// instance is one container under a profile, with its volumes and what was made for it.
type instance struct {
	e       *Engine
	target  target.Target
	facts   image.Facts
	profile profile.Profile
	pod     *sandbox // nil where it runs alone
	tracer  *tracer  // nil where nothing observes it
	cleanup *cleanup
	mounts  *mountSet
	box     *docker.Container

	mu       sync.Mutex
	tcp, udp map[int]int
	failed   *observe.Exit // how its program could not be executed; nil when it was
}

func (e *Engine) newInstance(t target.Target, facts image.Facts, p profile.Profile) *instance {
	undo := &cleanup{}
	return &instance{
		e: e, target: t, facts: facts, profile: p, cleanup: undo,
		mounts: &mountSet{e: e, facts: facts, platform: t.Platform, profile: p, cleanup: undo},
	}
}

// setUp makes and starts the container: its volumes, the init containers that fill them, the container itself.
func (i *instance) setUp(ctx context.Context) error {
	if !i.profile.Open {
		if missing := engine.UncoveredVolumes(i.target, i.facts, i.profile); len(missing) > 0 {
			return engine.UncoveredError(missing)
		}
		i.mounts.group, i.mounts.groups = i.pod.fsGroup(i.profile), i.groups()
		if err := i.mounts.make(ctx); err != nil {
			return err
		}
	}
	var parts map[string]docker.Mount
	if i.pod != nil {
		var err error
		if parts, err = i.pod.makeSubPaths(ctx, i.target, i.facts, i.cleanup); err != nil {
			return err
		}
	}
	err := i.createAndStart(ctx, parts)
	if err == nil || !i.untraceable(ctx, err) {
		return err
	}
	i.tracer.disable()
	if i.box != nil {
		err = i.box.Remove(ctx)
	}
	return errors.Join(err, i.createAndStart(ctx, parts))
}

// untraceable reports whether a container that could not be started may start without the sensor: no observer came, or the
// engine may not be able to mount the sensor's volume in this image.
func (i *instance) untraceable(ctx context.Context, err error) bool {
	if errors.Is(err, errUnobserved) {
		return true
	}
	if i.tracer == nil || !i.tracer.traced() || ctx.Err() != nil || engine.IsFault(err) {
		return false
	}
	i.tracer.note("tracing is off: the engine could not start the container with the tracer's volume at " + trace.Mountpoint)
	return true
}

// groups returns the supplementary groups that the pod gives to the container.
func (i *instance) groups() []string { return i.pod.groups(i.facts, i.target.User, i.profile) }

// spec returns the container as the profile and the pod want it.
func (i *instance) spec(parts map[string]docker.Mount) (docker.Spec, error) {
	publishOn := i.e.client.PublishAddress()
	var s docker.Spec
	var err error
	if i.profile.Open {
		s, err = openSpec(i.target, i.facts, publishOn)
	} else {
		s, err = sealedSpec(i.target, i.facts, i.profile, i.mounts.list, publishOn)
	}
	if err == nil && i.pod != nil {
		s, err = i.pod.join(s, i.target, i.profile, parts)
	}
	s.Groups = withGroups(s.Groups, i.groups())
	return s, err
}

func (i *instance) createAndStart(ctx context.Context, parts map[string]docker.Mount) error {
	s, err := i.spec(parts)
	if err != nil {
		return err
	}
	s.Name = i.e.client.Name("target")
	if i.tracer != nil {
		s = i.tracer.place(ctx, s)
		i.cleanup.add(i.tracer.close)
		i.tracer.begin(ctx)
	}
	if err := i.create(ctx, s); err != nil {
		return err
	}
	return i.start(ctx)
}

// create creates the container and, in parallel, prepares the volumes that no init container has waited for.
func (i *instance) create(ctx context.Context, s docker.Spec) error {
	if i.tracer != nil {
		i.tracer.follow(ctx, i.e.client, s.Name)
	}
	var preparing errgroup.Group
	preparing.Go(func() error { return i.mounts.prepare(ctx) })
	box, err := i.e.client.Create(ctx, "target", s)
	if err == nil {
		i.box = box
		i.cleanup.add(box.Remove)
	}
	return cmp.Or(err, preparing.Wait())
}

// start starts the container and finds its ports. A program that cannot be executed is not an error: the container has
// then ended at once.
func (i *instance) start(ctx context.Context) error {
	if err := i.startObserved(ctx); err != nil || i.failure() != nil {
		return err
	}
	return i.postStart(ctx)
}

func (i *instance) startObserved(ctx context.Context) error {
	if i.tracer != nil {
		i.tracer.starting.Lock()
		defer i.tracer.starting.Unlock()
	}
	err := i.box.Start(ctx)
	if failed := new(docker.ExecError); errors.As(err, &failed) {
		i.started(nil, nil, &observe.Exit{Code: failed.Code, Error: failed.Text})
		return nil
	}
	if err != nil {
		return err
	}
	network := i.box
	if i.pod != nil {
		network = i.pod.box
	}
	status, err := network.Status(ctx)
	if err != nil {
		return err
	}
	if i.tracer != nil {
		if err := i.tracer.await(ctx, i.pid); err != nil {
			return err
		}
	}
	tcp, udp := published(i.target, i.facts, status)
	i.started(tcp, udp, nil)
	return nil
}

func (i *instance) started(tcp, udp map[int]int, failed *observe.Exit) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.tcp, i.udp, i.failed = tcp, udp, failed
}

// pid returns the number of the container's first process on the engine's host.
func (i *instance) pid(ctx context.Context) (int, error) {
	s, err := i.box.Status(ctx)
	return s.PID, err
}

// ports returns the published TCP and UDP ports: container port to host port.
func (i *instance) ports() (tcp, udp map[int]int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return maps.Clone(i.tcp), maps.Clone(i.udp)
}

// failure returns how the program failed to be executed; nil when it was executed.
func (i *instance) failure() *observe.Exit {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.failed
}

// state returns whether the container runs, and how it ended if not.
func (i *instance) state(ctx context.Context) (engine.State, error) {
	if f := i.failure(); f != nil {
		return engine.State{Exit: *f}, nil
	}
	found, err := i.box.Status(ctx)
	if err != nil {
		return engine.State{}, err
	}
	s := engine.State{Running: found.Running, Health: found.Health, Hostname: found.Hostname}
	if s.Running {
		return s, nil
	}
	s.Exit = observe.Exit{Code: found.ExitCode, OOMKilled: found.OOMKilled, Error: found.Error}
	s.Exit, err = explainExit(s.Exit, func() (string, error) { return i.box.Logs(ctx) })
	return s, err
}

func (i *instance) wait(ctx context.Context) error {
	if i.failure() != nil {
		return nil
	}
	return i.box.Wait(ctx)
}

// exec runs a command in the container, traced where the application is.
func (i *instance) exec(ctx context.Context, argv []string) (int, string, error) {
	notices := docker.ExecNotices{}
	if i.tracer != nil {
		notices.Created = i.tracer.commands.own
		if wrapped, ok := i.tracer.wrap(argv); ok {
			argv, notices.Started = wrapped, i.tracer.admit
		}
	}
	code, output, err := i.box.Exec(ctx, argv, notices)
	return code, trace.ExplainExec(code, output), err
}

// postStart runs the hook after the start. Its failure ends a container in a pod.
func (i *instance) postStart(ctx context.Context) error {
	err := i.hooks().run(ctx, "postStart", i.target.PostStart)
	if failed := new(engine.PodError); err == nil || errors.As(err, &failed) {
		return err
	}
	if s, stateErr := i.state(ctx); stateErr == nil && !s.Running {
		return nil // the application's own end is reported instead
	}
	return err
}

func (i *instance) hooks() hooks {
	return hooks{target: i.target, exec: i.exec, address: func(port int) (string, bool) {
		tcp, _ := i.ports()
		at, ok := tcp[port]
		return hostPort(i.e.client.PublicHost(), at), ok
	}}
}
