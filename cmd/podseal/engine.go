package main

import (
	"context"
	"errors"

	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/cluster"
	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/needs"
	"github.com/podseal/podseal/internal/podrun"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/trace"
)

// The engines of --engine.
const (
	engineDocker     = "docker"
	engineKubernetes = "kubernetes"
)

// engineOptions are the flags that choose where targets run.
type engineOptions struct {
	name        string
	kube        kubeOptions
	namespace   string
	level       string
	images      []string
	mirrors     []string
	pullSecrets []string
	claimClass  string
}

func (o *engineOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.name, "engine", engineDocker, "run the targets on this `ENGINE`: docker or kubernetes")
	o.kube.addFlags(f)
	f.StringVar(&o.namespace, "run-namespace", "", "run all pods in this existing `NAMESPACE` of the cluster (default: temporary ones)")
	f.StringVar(&o.level, "open-level", string(kube.Baseline), "Pod Security `LEVEL` of the temporary namespace of the open run: baseline or privileged")
	f.StringArrayVar(&o.images, "image-source", nil, "read images for a cluster from `SOURCE`: registry, docker, or a file of docker save or OCI layout (default registry; files are repeatable)")
	f.StringArrayVar(&o.mirrors, "image-mirror", nil, "read and pull images from `[REGISTRY=]MIRROR`, HOST or HOST/PATH, in place of REGISTRY or of all registries (repeatable)")
	f.StringArrayVar(&o.pullSecrets, "image-pull-secret", nil, "let the cluster pull with this `SECRET` of the user's namespace (repeatable)")
	f.StringVar(&o.claimClass, "claim-class", "", "use ephemeral volumes of this `STORAGECLASS` for claims (default: emptyDirs)")
}

// check refuses values that no engine takes.
func (o *engineOptions) check() error {
	if o.name != engineDocker && o.name != engineKubernetes {
		return exitcode.BadInputf("--engine %s: use docker or kubernetes", o.name)
	}
	if o.level != string(kube.Baseline) && o.level != string(kube.Privileged) {
		return exitcode.BadInputf("--open-level %s: use baseline or privileged", o.level)
	}
	_, err := o.imageMirrors()
	return err
}

// imageMirrors returns the mirrors of --image-mirror.
func (o *engineOptions) imageMirrors() (cluster.Mirrors, error) {
	var out cluster.Mirrors
	for _, text := range o.mirrors {
		m, err := cluster.ParseMirror(text)
		if err != nil {
			return nil, badInput("--image-mirror: %w", err)
		}
		out = append(out, m)
	}
	return out, nil
}

// runEngine is an engine as a run needs it.
type runEngine interface {
	batch.Engine
	RunID() string
	Sweep(ctx context.Context) error
}

// with connects to the chosen engine, calls do, and removes what was made, whatever happened. do gets the engine for the
// checks before the runs, and that for the runs, which also starts the services of targets.
func (o *engineOptions) with(ctx context.Context, noTrace bool, progress *report.Progress, do func(e runEngine, runs engine.Engine) error) error {
	if o.name == engineKubernetes {
		return o.withCluster(ctx, do)
	}
	return withEngine(ctx, noTrace, progress, func(e *podrun.Engine) error { return do(e, needs.New(e, e.Client())) })
}

// withCluster does what with does, for a cluster.
func (o *engineOptions) withCluster(ctx context.Context, do func(runEngine, engine.Engine) error) (err error) {
	client, err := o.kube.connect()
	if err != nil {
		return err
	}
	mirrors, err := o.imageMirrors()
	if err != nil {
		return err
	}
	images, done, err := o.openImages(ctx, mirrors)
	if err != nil {
		return err
	}
	defer done()
	e := cluster.New(client, images, cluster.Options{
		Namespace: o.namespace, OpenLevel: kube.Level(o.level), PullSecrets: o.pullSecrets, ClaimClass: o.claimClass, Mirrors: mirrors,
	})
	err = do(e, e)
	if left := e.Sweep(context.WithoutCancel(ctx)); left != nil {
		err = withLeft(err, left)
	}
	return err
}

// openImages returns where images are read from, and what closes it.
func (o *engineOptions) openImages(ctx context.Context, mirrors cluster.Mirrors) (images cluster.Images, done func(), err error) {
	switch {
	case len(o.images) == 0 || len(o.images) == 1 && o.images[0] == "registry":
		s := cluster.Registry(mirrors)
		return s, func() { _ = s.Close() }, nil
	case len(o.images) == 1 && o.images[0] == engineDocker:
		c, err := docker.New(ctx, docker.Options{})
		if err != nil {
			return nil, nil, err
		}
		return c, func() { _ = errors.Join(c.Sweep(context.WithoutCancel(ctx)), c.Close()) }, nil
	}
	s := cluster.Archives(o.images)
	return s, func() { _ = s.Close() }, nil
}

// withEngine connects to the Docker engine, calls do, and removes what was made, whatever happened.
func withEngine(ctx context.Context, noTrace bool, progress *report.Progress, do func(*podrun.Engine) error) error {
	engine, err := podrun.Connect(ctx, podrun.Options{Progress: progress.Step, Helper: trace.Binary, NoTrace: noTrace})
	if err != nil {
		return err
	}
	engine.Warm(ctx)
	err = do(engine)
	if left := engine.Sweep(context.WithoutCancel(ctx)); left != nil {
		err = withLeft(err, left)
	}
	_ = engine.Close() // nothing is lost with a connection
	return err
}
