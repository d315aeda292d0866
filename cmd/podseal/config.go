package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/podseal/podseal/internal/batch"
	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/exitcode"
)

func newConfigCommand(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Check a podseal.yaml, or print its schema",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(&cobra.Command{
		Use:   "verify [FILE...]",
		Short: "Check a podseal.yaml without running anything",
		Long: `Check podseal.yaml, or other files of its kind, without an engine: keys, values and names, and the manifests, Compose
files and env files that they refer to. Every fault is printed as FILE:LINE:COLUMN: TEXT; exit code 2 means that there is
one.`,
		Example: `  podseal config verify
  podseal config verify ci/*.yaml`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{config.DefaultName}
			}
			return verifyConfigs(c.Context(), s, args)
		},
	}, &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON schema of podseal.yaml",
		Long: `Print the JSON schema of podseal.yaml for editors. They find it by a comment at the top of the file:
` + config.SchemaComment,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := s.out.Write(config.Schema())
			return err
		},
	})
	return c
}

// verifyConfigs prints the faults of files, and the number of targets of those without one.
func verifyConfigs(ctx context.Context, s streams, names []string) error {
	failed := false
	for _, name := range names {
		n, faults := verifyConfig(ctx, name)
		for _, fault := range faults {
			failed = true
			fmt.Fprintln(s.err, oneLine(fault))
		}
		if len(faults) == 0 {
			fmt.Fprintf(s.err, "%s: %s, no fault\n", name, count(n, "target"))
		}
	}
	if failed {
		return verdictError(exitcode.Usage)
	}
	return nil
}

// verifyConfig returns the number of targets of a file, and its faults.
func verifyConfig(ctx context.Context, name string) (targets int, faults []error) {
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return 0, []error{fmt.Errorf("no such file: %s: podseal init writes one", name)}
	}
	f, err := readConfig(ctx, name)
	if err != nil {
		problems := config.Problems{}
		if !errors.As(err, &problems) {
			return 0, []error{err}
		}
		for _, p := range problems {
			faults = append(faults, p)
		}
		return 0, faults
	}
	for _, target := range f.TargetNames() {
		if _, err := batch.Load(ctx, f, []string{target}, batch.LoadOptions{Now: time.Now()}); err != nil {
			faults = append(faults, err)
		}
	}
	return len(f.Targets), faults
}
