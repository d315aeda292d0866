package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/safetext"
)

func newGCCommand(s streams) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove what interrupted runs left in the engine",
		Long: `Removes every container, volume and image with podseal's label whose run has ended, and helper images that nothing
uses. A run is alive while its observer container runs in the engine, wherever its process is. Objects of a run
without an observer container are kept until they are an hour old. Kept objects are listed with the reason.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return gc(c.Context(), s, all) },
	}
	cmd.Flags().BoolVar(&all, "all", false, "remove the objects of live runs as well, which then fail")
	return cmd
}

func gc(ctx context.Context, s streams, all bool) error {
	engine, err := docker.New(ctx, docker.Options{})
	if err != nil {
		return err
	}
	defer engine.Close()
	done, err := engine.GC(ctx, all)
	for _, r := range done.Removed {
		fmt.Fprintln(s.out, "removed", safetext.Line(r))
	}
	for _, k := range done.Kept {
		fmt.Fprintf(s.err, "kept %s: %s\n", safetext.Line(k.Object), safetext.Line(k.Reason))
	}
	if err == nil && len(done.Removed) == 0 && len(done.Kept) == 0 {
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
