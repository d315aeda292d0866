package main

import (
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/podseal/podseal/internal/cluster/kube"
)

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
	return c, asBadInput(err)
}
