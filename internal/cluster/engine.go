// Package cluster runs targets as pods of a Kubernetes cluster. It implements internal/engine. The pods carry the very
// fields that a seal has, and run in namespaces that the run makes and removes: one that enforces the level restricted of
// Pod Security, for pods that meet it, one for traced pods, and one for the others.
//
// Nothing is emulated: mounts, users, sysctls and restarts are the kubelet's own. The pods of runs that learn also have
// podseal's program, to inspect the container, and where the cluster permits it the tracer (see instrumentation). A run that confirms a
// profile has nothing of that: an inspection takes a shell, find and stat in the image there.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/cluster/network"
	"github.com/podseal/podseal/internal/cluster/source"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// Engine starts targets as pods of a cluster.
type Engine struct {
	// Networks are those of targets with services.
	Networks network.Networks

	client *kube.Client
	images Images
	opts   Options
	runID  string
	count  atomic.Int64 // of pods

	scheduled  atomic.Int64 // of the pods those that have a node
	listed     listings
	used       usages
	tracing    tracing
	mu         sync.Mutex
	namespaces map[kube.Level]*namespace
	renewal    context.CancelFunc
}

var _ engine.Engine = (*Engine)(nil)

// Images is where the facts and the files of images come from: a cluster does not hand them out.
type Images interface {
	Image(ctx context.Context, ref, platform string) (image.Facts, error)
	Tree(ctx context.Context, facts image.Facts) (engine.TreeCloser, error)
}

// Options are the settings of an Engine. The zero value works.
type Options struct {
	// Namespace is an existing namespace that all pods run in; empty means temporary namespaces of the run.
	Namespace string
	// OpenLevel is the level of Pod Security of the temporary namespace for pods that the level restricted forbids; empty
	// means baseline. An image that needs more, such as a hostPath or a capability, takes privileged.
	OpenLevel kube.Level
	// PullSecrets are image pull secrets of the user's namespace, which the temporary namespaces get copies of.
	PullSecrets []string
	// ClaimClass is a StorageClass: the claims of a pod are ephemeral volumes of it, and not emptyDirs.
	ClaimClass string
	// Mirrors are where the nodes pull images from.
	Mirrors source.Mirrors
	// Program returns podseal's own static Linux program for an architecture in Go's spelling. With nil, or when it fails,
	// pods have nothing of podseal, and are not traced.
	Program func(arch string) ([]byte, error)
	// NoTrace disables the tracing of single system calls.
	NoTrace bool
}

// New returns an engine for a cluster. It makes no request.
func New(client *kube.Client, images Images, opts Options) *Engine {
	if opts.OpenLevel == "" {
		opts.OpenLevel = kube.Baseline
	}
	return &Engine{client: client, images: images, opts: opts, runID: kube.NewRunID(), namespaces: map[kube.Level]*namespace{}}
}

// RunID returns the id that marks what the engine makes.
func (e *Engine) RunID() string { return e.runID }

// CheckNetwork refuses every named network: a pod is on the network of its cluster.
func (e *Engine) CheckNetwork(_ context.Context, name string) error {
	if name == "" {
		return nil
	}
	return &SettingError{Text: fmt.Sprintf("--network %s: a pod has the network of its cluster: leave the flag out with --engine kubernetes", name)}
}

// SettingError is a setting that no pod can have.
type SettingError struct{ Text string }

// Error returns the sentence.
func (e *SettingError) Error() string { return e.Text }

// Capabilities implements engine.Engine.
func (e *Engine) Capabilities() engine.Capabilities {
	return engine.Capabilities{
		Ports: true, Restarts: true, Services: true, NewRoot: true, ImageGroups: true,
		Inspects: e.opts.Program != nil, Traces: e.opts.Program != nil && !e.opts.NoTrace,
	}
}

// Image implements engine.Engine.
func (e *Engine) Image(ctx context.Context, ref, platform string) (image.Facts, error) {
	return e.images.Image(ctx, ref, platform)
}

// Tree implements engine.Engine.
func (e *Engine) Tree(ctx context.Context, facts image.Facts) (engine.TreeCloser, error) {
	return e.images.Tree(ctx, facts)
}

// Prewarm implements engine.Engine. A cluster prepares nothing.
func (e *Engine) Prewarm(context.Context, image.Facts, profile.Profile) {}

// Start implements engine.Engine.
func (e *Engine) Start(ctx context.Context, t target.Target, facts image.Facts, p profile.Profile) (engine.Container, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("starting a pod: %w", context.Cause(ctx))
	}
	if missing := engine.UncoveredVolumes(t, facts, p); len(missing) > 0 {
		return nil, engine.UncoveredError(missing)
	}
	user, err := e.openUser(ctx, t, facts, p)
	if err != nil {
		return nil, err
	}
	c, err := e.begin(ctx, request{target: t, facts: facts, profile: p, user: user}, "")
	if failed := new(unobservedError); errors.As(err, &failed) {
		if failed.every {
			e.tracing.end(failed.why)
		}
		c, err = e.begin(ctx, request{target: t, facts: facts, profile: p, user: user}, failed.why)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// begin makes and starts a pod. With a reason why it is not traced, it has nothing beyond target and profile.
func (e *Engine) begin(ctx context.Context, r request, plain string) (*running, error) {
	r.name, r.claimClass = fmt.Sprintf("podseal-%s-%d", e.runID, e.count.Add(1)), e.opts.ClaimClass
	r.requests = e.used.requests(r.target, r.facts)
	made, err := podOf(r)
	if err != nil {
		return nil, err
	}
	e.opts.Mirrors.Rename(&made.pod.Spec)
	made.pod.Spec.HostAliases = append(made.pod.Spec.HostAliases, e.Networks.Hosts(r.target.Network)...)
	add := instrumentation{why: plain}
	if plain == "" {
		add, err = e.instrumentation(ctx, r.target, r.facts, r.profile, made.pod)
	}
	var in *namespace
	if err == nil {
		in, err = e.namespaceFor(ctx, made.pod, add.traced)
	}
	if err != nil {
		return nil, asFault(ctx, "making a namespace", "", err)
	}
	x, err := add.inject(ctx, in, made, r.facts)
	if err != nil {
		return nil, asFault(ctx, "making secrets", "", err)
	}
	x.options.PortStart = portStart(r.profile)
	c := newRunning(in, made, r.target, r.facts, r.profile, func(ctx context.Context) ([]image.Entry, error) { return e.listed.files(ctx, e.images, r.facts) })
	c.used = func(u usage) { e.used.add(r.target, r.facts, u) }
	c.tracer, c.inspector.hasProgram, c.inspector.observer = x, x.hasProgram, x.container
	if err := c.start(ctx); err != nil {
		return nil, engine.WithCleanup(asFault(ctx, "starting", "pod "+made.pod.Name, err), c.Remove(ctx))
	}
	if pod, _ := in.watch.Get(c.pod()); pod != nil {
		e.Networks.Join(r.target.Network, r.target.Alias, pod.Status.PodIP)
	}
	return c, nil
}

// openUser returns the numbers of the user that the target names for the open run; nil where it names none, and the
// image's counts.
func (e *Engine) openUser(ctx context.Context, t target.Target, facts image.Facts, p profile.Profile) (user *image.Resolved, err error) {
	if !p.Open || t.User == "" {
		return nil, nil
	}
	tree, err := e.Tree(ctx, facts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, tree.Close(context.WithoutCancel(ctx))) }()
	users, err := image.ReadUsers(ctx, tree)
	if err != nil {
		return nil, err
	}
	found, err := users.Resolve(t.User)
	return &found, err
}

// sweepTime bounds the removal of what a run made.
const sweepTime = 30 * time.Second

// Sweep removes everything that the run made and that is still there. It does not end with its context. No start may
// follow.
func (e *Engine) Sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sweepTime)
	defer cancel()
	e.mu.Lock()
	if e.renewal != nil {
		e.renewal()
	}
	e.mu.Unlock()
	var errs []error
	for _, s := range e.openNamespaces() {
		s.watch.Close()
		errs = append(errs, s.Delete(ctx))
	}
	return errors.Join(errs...)
}

// asFault returns a *engine.Fault for an API server that does not answer any more, and other errors unchanged.
func asFault(ctx context.Context, call, object string, err error) error {
	gone := new(kube.Unreachable)
	if ctx.Err() == nil && errors.As(err, &gone) {
		return &engine.Fault{Kind: engine.Gone, Call: call, Object: object, Engine: gone.Server, Err: err}
	}
	return err
}
