// Command podseal seals container images: it finds the tightest Kubernetes pod spec under which an image still passes
// the user's own e2e commands, and proves it.
package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/inside"
	"github.com/podseal/podseal/internal/interrupt"
	"github.com/podseal/podseal/internal/redact"
)

// version is set by the build.
var version = "dev"

func main() {
	// Inside a container nothing else may run first.
	if code, known := inside.Main(os.Args[1:], os.Stdin, os.Stdout); known {
		os.Exit(code)
	}
	os.Exit(execute(os.Args[1:], standardStreams()))
}

// execute runs one command line and returns the exit code. The first signal, or the loss of stderr, cancels the command,
// which then cleans up; a second signal ends the process at once.
func execute(args []string, s streams) int {
	ctx, cancel := interrupt.Context(context.Background())
	defer cancel(nil)
	s.redact = &redact.Redactor{}
	s.err = s.redact.Writer(interrupt.Writer(s.err, cancel))
	root := newRootCommand(s)
	root.Annotations = displayName(s.program)
	root.SetArgs(args)
	return exitCode(ctx, root.ExecuteContext(ctx), s)
}

// displayName returns how help names the program: "kubectl podseal" where kubectl runs it as its plugin.
func displayName(program string) map[string]string {
	plugin, ok := strings.CutPrefix(strings.TrimSuffix(filepath.Base(program), ".exe"), "kubectl-")
	if !ok {
		return nil
	}
	return map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl " + plugin}
}

func newRootCommand(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "podseal",
		Short: "Seal container images: the tightest pod spec that your e2e commands still pass under, proved",
		Long: `podseal runs a container image under Docker, or in a Kubernetes cluster, drives it with your own e2e commands, learns
what it really writes and who it really runs as, and writes the tightest Kubernetes pod spec that the commands still
pass under. It proves the result by running the image again under exactly those settings.`,
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
