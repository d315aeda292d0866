package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
)

func newDiffCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "diff CONTAINER",
		Short: "Explain what an existing container wrote: the folders that it needs writable, and what the image has there",
		Long: `Fold docker diff of a container, running or stopped, to the folders that would have to be writable, with what the
image has in each. Nothing is run and nothing is proved; what docker diff cannot show is said at the end.`,
		Example: "  podseal diff my-nginx",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exitcode.BadInputf("give one container: podseal diff CONTAINER")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return explain(c.Context(), s, args[0]) },
	}
}

func explain(ctx context.Context, s streams, container string) (err error) {
	engine, err := docker.New(ctx, docker.Options{})
	if err != nil {
		return err
	}
	defer func() {
		if serr := engine.Sweep(context.WithoutCancel(ctx)); err == nil {
			err = serr
		}
		_ = engine.Close() // nothing is lost with a connection
	}()
	id, err := engine.ImageOf(ctx, container)
	if err != nil {
		return exitcode.BadInput(err)
	}
	facts, err := engine.Image(ctx, id, "")
	if err != nil {
		return err
	}
	tree, err := engine.Tree(ctx, facts)
	if err != nil {
		return err
	}
	changes, err := engine.Container(container).Changes(ctx)
	if err != nil {
		return err
	}
	folding, err := diff.Fold(ctx, diff.Collect(observe.Observation{Changes: changes}), tree, plan.Volumes(facts))
	if err != nil {
		return err
	}
	return folding.Text(s.out, len(changes))
}
