package main

import (
	"context"
	"runtime"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/spf13/pflag"
	kubernetes "k8s.io/apimachinery/pkg/util/version"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/podseal/podseal/internal/advise/sealing"
	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/cluster"
	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/cluster/source"
	"github.com/podseal/podseal/internal/engines"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/sealfile"
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
	f.StringVar(&o.name, "engine", engines.Docker, "run the targets on this `ENGINE`: docker or kubernetes")
	o.kube.addFlags(f)
	f.StringVar(&o.namespace, "run-namespace", "", "run all pods in this existing `NAMESPACE` of the cluster (default: temporary ones)")
	f.StringVar(&o.level, "open-level", string(kube.Baseline), "hold pods that the level restricted forbids to this Pod Security `LEVEL`: baseline or privileged")
	f.StringArrayVar(&o.images, "image-source", nil, "read images for a cluster from `SOURCE`: registry, docker, or a file of docker save or OCI layout (default registry; files are repeatable)")
	f.StringArrayVar(&o.mirrors, "image-mirror", nil, "read and pull images from `[REGISTRY=]MIRROR`, HOST or HOST/PATH, in place of REGISTRY or of all registries (repeatable)")
	f.StringArrayVar(&o.pullSecrets, "image-pull-secret", nil, "let the cluster pull with this `SECRET` of the user's namespace (repeatable)")
	f.StringVar(&o.claimClass, "claim-class", "", "use ephemeral volumes of this `STORAGECLASS` for claims (default: emptyDirs)")
}

// check refuses values that no engine takes.
func (o *engineOptions) check() error {
	if o.name != engines.Docker && o.name != engines.Kubernetes {
		return exitcode.BadInputf("--engine %s: use docker or kubernetes", o.name)
	}
	if o.level != string(kube.Baseline) && o.level != string(kube.Privileged) {
		return exitcode.BadInputf("--open-level %s: use baseline or privileged", o.level)
	}
	_, err := o.imageMirrors()
	return err
}

// imageMirrors returns the mirrors of --image-mirror.
func (o *engineOptions) imageMirrors() (source.Mirrors, error) {
	var out source.Mirrors
	for _, text := range o.mirrors {
		m, err := source.ParseMirror(text)
		if err != nil {
			return nil, exitcode.BadInputf("--image-mirror: %w", err)
		}
		out = append(out, m)
	}
	return out, nil
}

// options returns the engine that the flags choose.
func (o *engineOptions) options(noTrace bool, progress *report.Progress) engines.Options {
	mirrors, _ := o.imageMirrors() // checked before
	return engines.Options{
		Name: o.name, NoTrace: noTrace, Progress: progress.Step, Kube: o.kube.flags, Images: o.images,
		Cluster: cluster.Options{Namespace: o.namespace, OpenLevel: kube.Level(o.level), PullSecrets: o.pullSecrets, ClaimClass: o.claimClass, Mirrors: mirrors},
	}
}

// searchOn returns how a full search runs on an engine.
func searchOn(e *engines.Engine, progress *report.Progress) batch.Options {
	return batch.Options{Complete: sealing.After, Seal: seal.Options{
		RunID: e.RunID(), Minimize: seal.MinimizeFull, Parallel: runtime.NumCPU(), Progress: progress.Step, Running: progress.Begin,
		Advise: sealing.Advice,
	}}
}

// runOf returns what seal files say of a run.
func runOf(ctx context.Context, e *engines.Engine, kubernetes string) sealfile.Run {
	return sealfile.Run{
		ID: e.RunID(), Date: time.Now().UTC().Format(time.RFC3339), Podseal: version, Kubernetes: kubernetes, Engine: e.Version(ctx),
	}
}

// clusterOptions are the flags that say what the cluster has for a seal.
type clusterOptions struct {
	seedImage  string
	kubernetes string
	sizeLimits bool
}

func (o *clusterOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.seedImage, "seed-image", "", "run the init containers of an image without a shell in this `IMAGE`, which has sh, rm, mkdir, cp and mv")
	f.StringVar(&o.kubernetes, "kubernetes-version", "", "emit for this Kubernetes `VERSION` and later; from 1.36 on, the seed image copies from an image volume (default: any version)")
	f.BoolVar(&o.sizeLimits, "size-limits", false, "give every emptyDir a sizeLimit, from its size after the runs")
}

// firstImageVolumes is the first version with generally available image volumes.
var firstImageVolumes = kubernetes.MajorMinor(1, 36)

// check refuses flags with a value that they do not take.
func (o *clusterOptions) check() error {
	if o.seedImage != "" {
		if _, err := name.ParseReference(o.seedImage); err != nil {
			return exitcode.BadInputf("--seed-image %s: not an image reference: check its spelling", o.seedImage)
		}
	}
	if v, err := kubernetes.ParseGeneric(o.kubernetes); o.kubernetes != "" && (err != nil || v.Major() != 1) {
		return exitcode.BadInputf("--kubernetes-version %s: give a version like 1.36", o.kubernetes)
	}
	return nil
}

// imageVolumes reports whether the cluster mounts images as volumes.
func (o *clusterOptions) imageVolumes() bool {
	v, err := kubernetes.ParseGeneric(o.kubernetes)
	return err == nil && v.AtLeast(firstImageVolumes)
}

// kubeOptions are the flags that name a cluster and a namespace of it, as kubectl takes them.
type kubeOptions struct {
	flags *genericclioptions.ConfigFlags
}

func (o *kubeOptions) addFlags(f *pflag.FlagSet) {
	o.flags = genericclioptions.NewConfigFlags(true)
	f.StringVar(o.flags.KubeConfig, "kubeconfig", "", "read the clusters from this `FILE` (default: $KUBECONFIG, else ~/.kube/config)")
	f.StringVar(o.flags.Context, "context", "", "use the cluster of this `CONTEXT` of the kubeconfig")
	f.StringVarP(o.flags.Namespace, "namespace", "n", "", "the user's `NAMESPACE` in the cluster (default: that of the context)")
}

// connect reads the kubeconfig. It makes no request.
func (o *kubeOptions) connect() (*kube.Client, error) {
	c, err := kube.Connect(o.flags)
	return c, exitcode.BadInput(err)
}
