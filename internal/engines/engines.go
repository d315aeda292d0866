// Package engines opens the engine that a command runs on, Docker or a Kubernetes cluster, and removes at the end what the
// command made there.
package engines

import (
	"context"
	"errors"
	"runtime"

	"github.com/podseal/podseal/internal/cluster"
	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/cluster/source"
	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/needs"
	"github.com/podseal/podseal/internal/podrun"
	"github.com/podseal/podseal/internal/trace"
)

// The names of the engines.
const (
	Docker     = "docker"
	Kubernetes = "kubernetes"
)

// Options choose an engine.
type Options struct {
	Name     string
	NoTrace  bool
	Progress func(line string) // while an image is pulled

	// The rest is of Kubernetes alone.
	Kube    kube.Config
	Images  []string // where a cluster's images are read: "registry" (the default), "docker", or files
	Cluster cluster.Options
}

// Engine is an open engine. It serves the checks before the runs.
type Engine struct {
	opened
	// Runs is the engine for the runs. It also starts the services of targets.
	Runs engine.Engine

	client *docker.Client // nil for a cluster
}

// opened is what the engines have in common.
type opened interface {
	engine.Engine
	CheckNetwork(ctx context.Context, name string) error
	RunID() string
	Sweep(ctx context.Context) error
}

// With opens an engine, calls do, and removes what was made, whatever happened. It returns a LeftError
// if something is left.
func With(ctx context.Context, o Options, do func(*Engine) error) error {
	e, done, err := open(ctx, o)
	if err != nil {
		return err
	}
	defer done()
	err = do(e)
	if left := e.Sweep(context.WithoutCancel(ctx)); left != nil {
		err = WithLeft(err, left)
	}
	return err
}

// open connects to an engine.
func open(ctx context.Context, o Options) (e *Engine, done func(), err error) {
	if o.Name == Kubernetes {
		return openCluster(ctx, o)
	}
	on, err := podrun.Connect(ctx, podrun.Options{Progress: o.Progress, Helper: trace.Binary, NoTrace: o.NoTrace})
	if err != nil {
		return nil, nil, err
	}
	on.Warm(ctx)
	closed := func() { _ = on.Close() } // nothing is lost with a connection
	return &Engine{opened: on, Runs: needs.New(on, on.Client()), client: on.Client()}, closed, nil
}

func openCluster(ctx context.Context, o Options) (e *Engine, done func(), err error) {
	client, err := kube.Connect(o.Kube)
	if err != nil {
		return nil, nil, exitcode.BadInput(err)
	}
	images, done, err := openImages(ctx, o.Images, o.Cluster.Mirrors)
	if err != nil {
		return nil, nil, err
	}
	o.Cluster.Program, o.Cluster.NoTrace = trace.Binary, o.NoTrace
	on := cluster.New(client, images, o.Cluster)
	return &Engine{opened: on, Runs: needs.New(on, &on.Networks)}, done, nil
}

// openImages returns where images are read from, and what closes it.
func openImages(ctx context.Context, from []string, mirrors source.Mirrors) (images cluster.Images, done func(), err error) {
	switch {
	case len(from) == 0 || len(from) == 1 && from[0] == "registry":
		s := source.Registry(mirrors)
		return s, func() { _ = s.Close() }, nil
	case len(from) == 1 && from[0] == Docker:
		c, err := docker.New(ctx, docker.Options{})
		if err != nil {
			return nil, nil, err
		}
		return c, func() { _ = errors.Join(c.Sweep(context.WithoutCancel(ctx)), c.Close()) }, nil
	}
	s := source.Archives(from)
	return s, func() { _ = s.Close() }, nil
}

// Version names the engine with its version: "Docker 28.5.2". The version is missing if the engine does not answer any longer.
// The answer costs an engine several processes.
func (e *Engine) Version(ctx context.Context) string {
	if e.client == nil {
		return "Kubernetes"
	}
	version, err := e.client.Version(ctx)
	if err != nil {
		return "Docker"
	}
	return "Docker " + version
}

// memoryOfRun is how much memory Parallel has for each run.
const memoryOfRun = 1 << 30

// Parallel returns how many runs the engine takes in parallel: one for each of its processors and each memoryOfRun of its
// memory. Without an answer, it counts the processors of this machine.
func (e *Engine) Parallel(ctx context.Context) int {
	if e.client == nil {
		return runtime.NumCPU()
	}
	d, err := e.client.Describe(ctx)
	if err != nil || d.CPUs < 1 {
		return runtime.NumCPU()
	}
	return max(1, min(d.CPUs, int(d.Memory/memoryOfRun)))
}
