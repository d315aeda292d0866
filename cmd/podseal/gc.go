package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/safetext"
)

func newGCCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "gc",
		Short: "Remove what an interrupted run left in the engine",
		Long:  "Removes every container, volume and network with podseal's label whose run is not alive any more.",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return gc(c.Context(), s) },
	}
}

func gc(ctx context.Context, s streams) error {
	engine, err := docker.New(ctx, docker.Options{})
	if err != nil {
		return err
	}
	defer engine.Close()
	removed, err := engine.GC(ctx)
	for _, r := range removed {
		fmt.Fprintln(s.out, "removed", safetext.Line(r))
	}
	if err == nil && len(removed) == 0 {
		fmt.Fprintln(s.err, "nothing to remove")
	}
	return err
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return badInput("%s takes no argument, got %q", c.CommandPath(), args[0])
	}
	return nil
}
