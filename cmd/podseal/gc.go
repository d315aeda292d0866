package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/safetext"
)

// gcOptions are the flags of podseal gc.
type gcOptions struct {
	all   bool
	kube  kubeOptions
	given func(flag string) bool // reports whether a flag stands on the command line
}

func newGCCommand(s streams) *cobra.Command {
	var o gcOptions
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove what interrupted runs left in the engine, or in a cluster",
		Long: `Remove every container, volume and image with podseal's label whose run has ended, and helper images that nothing
uses. A run is alive while its observer container runs in the engine, wherever its process is. Objects of a run
without an observer container are kept until they are an hour old. Kept objects are listed with the reason.

With --context or --kubeconfig, remove the namespaces that runs left in a cluster instead: those whose lease, which a
live run renews, has ended. With --namespace also the pods and secrets that runs left there.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context(), s) },
	}
	f := cmd.Flags()
	o.given = f.Changed
	f.BoolVar(&o.all, "all", false, "remove the objects of live runs as well, which then fail")
	o.kube.addFlags(f)
	return cmd
}

func (o *gcOptions) run(ctx context.Context, s streams) error {
	if o.given("context") || o.given("kubeconfig") || o.given("namespace") {
		return o.cluster(ctx, s)
	}
	engine, err := docker.New(ctx, docker.Options{})
	if err != nil {
		return err
	}
	defer engine.Close()
	done, err := engine.GC(ctx, o.all)
	kept := make([][2]string, len(done.Kept))
	for i, k := range done.Kept {
		kept[i] = [2]string{k.Object, k.Reason}
	}
	return printCollected(s, done.Removed, kept, err)
}

// cluster removes what runs left in a cluster.
func (o *gcOptions) cluster(ctx context.Context, s streams) error {
	client, err := o.kube.connect()
	if err != nil {
		return err
	}
	done, err := client.GC(ctx, o.all)
	kept := make([][2]string, len(done.Kept))
	for i, k := range done.Kept {
		kept[i] = [2]string{k.Object, k.Reason}
	}
	return printCollected(s, done.Removed, kept, err)
}

// printCollected prints what was removed, and what was kept with the reason. It returns err.
func printCollected(s streams, removed []string, kept [][2]string, err error) error {
	for _, r := range removed {
		fmt.Fprintln(s.out, "removed", safetext.Line(r))
	}
	for _, k := range kept {
		fmt.Fprintf(s.err, "kept %s: %s\n", safetext.Line(k[0]), safetext.Line(k[1]))
	}
	if err == nil && len(removed) == 0 && len(kept) == 0 {
		fmt.Fprintln(s.err, "nothing to remove")
	}
	return err
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return exitcode.BadInputf("%s takes no argument, got %q", c.CommandPath(), args[0])
	}
	return nil
}
