package main

import (
	"context"
	"encoding/json"
	"io"

	"github.com/spf13/cobra"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/doctor"
	"github.com/podseal/podseal/internal/doctor/examine"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/trace"
)

// doctorOptions are the flags of podseal doctor.
type doctorOptions struct {
	format string
	kube   kubeOptions
	given  func(flag string) bool // reports whether a flag stands on the command line
}

func newDoctorCommand(s streams) *cobra.Command {
	var o doctorOptions
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Report what the engine or a cluster can and cannot do for podseal, and what follows",
		Long: `Ask the engine what it is, run one small sealed container there, and print what podseal can and cannot do with
it: each capability with the consequence for a seal, and what to do where it is missing. The container is removed.

With --context or --kubeconfig, ask a Kubernetes cluster instead: create temporary namespaces, try pods there by dry runs,
and remove them.

The exit code is 0 where podseal works with the engine or the cluster, and 4 where something that it requires is missing.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context(), s) },
	}
	o.given = c.Flags().Changed
	o.kube.addFlags(c.Flags())
	c.Flags().StringVar(&o.format, "format", "text", "print the answer as `FORMAT`: text or json")
	return c
}

func (o doctorOptions) run(ctx context.Context, s streams) error {
	if o.format != "text" && o.format != "json" {
		return exitcode.BadInputf("--format %s: give text or json", o.format)
	}
	examineIt := examineEngine
	if o.given("context") || o.given("kubeconfig") {
		examineIt = o.examineCluster
	}
	r, err := examineIt(ctx)
	if err != nil {
		return err
	}
	if err := writeDoctor(s.out, o.format, r); err != nil {
		return err
	}
	if !r.Works() {
		return verdictError(exitcode.NotSealed)
	}
	return nil
}

func examineEngine(ctx context.Context) (doctor.Report, error) {
	client, err := docker.New(ctx, docker.Options{})
	if err != nil {
		return doctor.Report{}, err
	}
	defer client.Close()
	facts, err := examine.Engine(ctx, client, trace.Binary)
	return doctor.ForEngine(facts), err
}

func (o doctorOptions) examineCluster(ctx context.Context) (doctor.Report, error) {
	client, err := o.kube.connect()
	if err != nil {
		return doctor.Report{}, err
	}
	facts, err := examine.Cluster(ctx, client)
	return doctor.ForCluster(facts), err
}

func writeDoctor(w io.Writer, format string, r doctor.Report) error {
	if format == "text" {
		return doctor.WriteText(w, r)
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(r)
}
