package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/target"
)

// inputOptions are the flags that name manifests and choose their containers.
type inputOptions struct {
	input.Options
	given func(flag string) bool // reports whether a flag stands on the command line
}

func (o *inputOptions) addFlags(f *pflag.FlagSet) {
	o.given = f.Changed
	f.StringArrayVarP(&o.Files, "filename", "f", nil, "seal the containers of a manifest: a `FILE`, a folder, a kustomization, a Helm chart, a Compose file, or - for stdin (repeatable)")
	f.StringArrayVar(&o.Chart.Files, "values", nil, "render the charts of -f with the values of a `FILE` (repeatable)")
	f.StringArrayVar(&o.Chart.Set, "set", nil, "set a value of the charts of -f, `NAME=VALUE` (repeatable)")
	f.StringVarP(&o.Container, "container", "c", "", "seal only the container of this `NAME`")
	f.StringVar(&o.Object, "select", "", "seal only the containers of one object, `KIND/NAME`")
	f.StringArrayVar(&o.Exclude, "exclude", nil, "leave out the containers of an object, `KIND/NAME` (repeatable)")
	f.StringArrayVar(&o.With, "with", nil, "read ConfigMaps and Secrets that the manifest refers to from a `FILE` (repeatable)")
	f.BoolVar(&o.StandIns, "stand-ins", false, "use random values for missing ConfigMaps and Secrets; the report lists them")
	f.StringVar(&o.PodPath, "pod-path", "", "find the pod at this `PATH` in objects of unknown kinds, for example spec.template.spec")
	f.StringArrayVar(&o.Params, "param", nil, "set a parameter of the Argo workflows and Tekton tasks of -f, `NAME=VALUE` (repeatable)")
	f.BoolVar(&o.HostPath, "allow-hostpath", false, "mount the host folders that the pod names (hostPath)")
}

// check refuses flags that say something about a manifest where none is given.
func (o *inputOptions) check() error {
	if len(o.Files) > 0 {
		return nil
	}
	for _, flag := range []string{"values", "set", "container", "select", "exclude", "with", "stand-ins", "pod-path", "param", "allow-hostpath"} {
		if o.given(flag) {
			return exitcode.BadInputf("--%s is about a manifest: give one with -f", flag)
		}
	}
	return nil
}

// read reads the manifests, and prints the parts of them that are not sealed.
func (o *inputOptions) read(ctx context.Context, s streams, flags target.Target) (input.Set, error) {
	o.Stdin = s.in
	set, err := input.Read(ctx, o.Options, flags)
	for _, skipped := range slices.Concat(set.Skipped, set.SkippedWith) {
		fmt.Fprintln(s.err, "podseal: skipped:", oneLine(skipped))
	}
	for _, note := range set.Notes {
		fmt.Fprintln(s.err, "podseal: note:", note)
	}
	for _, object := range set.Unsealed {
		if !set.Excluded(object) {
			fmt.Fprintln(s.err, "podseal: not sealed:", oneLine(object.Unsealed()))
		}
	}
	return set, exitcode.BadInput(err)
}

// readInput reads a file, or stdin for "-".
func readInput(ctx context.Context, s streams, name string) ([]byte, error) {
	data, err := input.Bytes(ctx, s.in, name)
	return data, exitcode.BadInput(err)
}
