package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/draft"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/outfile"
)

func newInitCommand(s streams) *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "init [IMAGE | MANIFEST | COMPOSE]",
		Short: "Write a podseal.yaml for an image, a manifest or a Compose file",
		Long: `Write a podseal.yaml with comments, which runs as it is: a target for an image, for each container of a manifest (a file,
a folder, a kustomization or a Helm chart), or for each service of a Compose file, whose depends_on become needs. Without
an argument, the Compose file, the kustomization or the chart of the working directory is read. An existing file is not
overwritten. Add your e2e commands to it: until then, only the start is checked.`,
		Example: `  podseal init nginx:1.29
  podseal init deploy/
  podseal init compose.yaml`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return exitcode.BadInputf("unexpected argument %q: give one image, manifest or Compose file (see `%s --help`)", args[1], c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return runInit(c.Context(), s, args, output) },
	}
	c.Flags().StringVarP(&output, "output", "o", config.DefaultName, "write this `FILE`, or - for stdout")
	return c
}

// runInit writes a podseal.yaml.
func runInit(ctx context.Context, s streams, args []string, output string) error {
	name, err := draft.Source(args)
	if err != nil {
		return exitcode.BadInput(err)
	}
	if _, err := os.Lstat(output); err == nil && output != "-" {
		return exitcode.BadInputf("%s exists and is not overwritten: remove it, or write another file with -o", output)
	}
	d, err := draft.Of(ctx, name, filepath.Dir(output))
	if err != nil {
		return exitcode.BadInput(err)
	}
	text := d.Text()
	if _, err := config.Parse(output, text); err != nil {
		return fmt.Errorf("the new file would not be valid: %w", err)
	}
	if output == "-" {
		_, err := s.out.Write(text)
		return err
	}
	if err := outfile.Check(output); err != nil {
		return exitcode.BadInput(err)
	}
	if err := outfile.Write(output, text); err != nil {
		return err
	}
	fmt.Fprintf(s.err, "podseal: wrote %s with %s; add e2e commands, then: podseal run --config %s\n", output, count(len(d.Targets), "target"), output)
	return nil
}
