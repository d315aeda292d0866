package main

import (
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/spf13/pflag"
	kubernetes "k8s.io/apimachinery/pkg/util/version"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/seal"
)

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

// imageVolumes is the first version with generally available image volumes.
var imageVolumes = kubernetes.MajorMinor(1, 36)

// apply checks the flags and sets what they say.
func (o *clusterOptions) apply(s *seal.Options) error {
	s.SeedImage, s.SizeLimits = o.seedImage, o.sizeLimits
	if o.seedImage != "" {
		if _, err := name.ParseReference(o.seedImage); err != nil {
			return exitcode.BadInputf("--seed-image %s: not an image reference: check its spelling", o.seedImage)
		}
	}
	if o.kubernetes == "" {
		return nil
	}
	v, err := kubernetes.ParseGeneric(o.kubernetes)
	if err != nil || v.Major() != 1 {
		return exitcode.BadInputf("--kubernetes-version %s: give a version like 1.36", o.kubernetes)
	}
	s.ImageVolumes = v.AtLeast(imageVolumes)
	return nil
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
