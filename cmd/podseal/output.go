package main

import (
	"strings"

	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/deliver"
)

// addDeliverFlags adds the flags that name the files for the result, and its form.
func addDeliverFlags(f *pflag.FlagSet, o *deliver.Options) {
	f.StringVarP(&o.Output, "output", "o", "", "write the result to a `FILE` instead of stdout (for --format kustomize: a folder)")
	f.StringVar(&o.Format, "format", deliver.FormatYAML, "write the result as one of "+strings.Join(deliver.Formats(), ", "))
	f.BoolVar(&o.InPlace, "in-place", false, "write the seal into the files of -f")
	f.BoolVar(&o.Diff, "diff", false, "print the changes to the files of -f as a unified diff")
	f.BoolVar(&o.KeepToken, "keep-token", false, "keep the pod's service account token, even if nothing showed that it is used")
	f.StringVar(&o.NetworkPolicy, "network-policy", "", "also write to a `FILE` a NetworkPolicy that admits only the ports that listened")
	f.BoolVar(&o.Egress, "egress", false, "add a NetworkPolicy of egress: only to where the containers were seen connecting, and to DNS")
	f.StringVar(&o.PodSecurity, "pod-security", "", "also write to a `FILE` a Namespace with labels that enforce the level restricted")
}
