package main

import (
	"github.com/spf13/cobra"

	"github.com/podseal/podseal/internal/exitcode"
)

func newRootCommand(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "podseal",
		Short: "Seal container images: the tightest pod spec that your e2e commands still pass under, proved",
		Long: `podseal runs a container image under Docker, drives it with your own e2e commands, learns what it really
writes and who it really runs as, and writes the tightest Kubernetes pod spec that the commands still pass under.
It proves the result by running the image again under exactly those settings.`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return exitcode.BadInputf("unknown command %q (see `%s --help`)", args[0], c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newInitCommand(s), newRunCommand(s), newCheckCommand(s), newAttachCommand(s), newCompareCommand(s), newConfigCommand(s), newAdviseCommand(s), newDiffCommand(s),
		newVerifyCommand(s), newGCCommand(s),
		newDoctorCommand(s), newDocsCommand(s))
	return root
}
