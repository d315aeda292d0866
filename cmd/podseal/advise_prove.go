package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/advise/sealing"
	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/podrun"
	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/trace"
	"github.com/podseal/podseal/internal/trial"
)

// proveOptions are the flags of the build that --prove makes. The flags of a target say how the image is run.
type proveOptions struct {
	on                     bool
	context, network, keep string
	args                   []string

	command []string // behind --
	extra   string   // a flag that was given and has no meaning without --prove
}

func (o *proveOptions) addFlags(f *pflag.FlagSet) {
	f.BoolVar(&o.on, "prove", false, "build the changed Dockerfile, seal the image with the e2e commands, and report whether that works; the flags below are for it")
	f.StringVar(&o.context, "context", "", "use this `FOLDER` as the build context, whose scripts are read without --prove too; default: the Dockerfile's folder")
	f.StringVar(&o.network, "build-network", "", "run the build's RUN instructions in this `NETWORK`, for example host")
	f.StringVar(&o.keep, "keep-image", "", "keep the image that --prove builds under this `NAME`")
}

// splitArgs returns the one argument to advise on, and keeps the e2e command behind it.
func (o *adviseOptions) splitArgs(c *cobra.Command, args []string) (what string, err error) {
	if at := c.ArgsLenAtDash(); at >= 0 {
		args, o.prove.command = args[:at], args[at:]
	}
	if len(args) != 1 {
		return "", exitcode.BadInputf("%s takes one image, file or folder, got %d arguments", c.CommandPath(), len(args))
	}
	run := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(targetOptions).addFlags(run)
	new(proveOptions).addFlags(run)
	run.VisitAll(func(f *pflag.Flag) {
		if c.Flags().Changed(f.Name) && f.Name != "platform" && f.Name != "prove" && f.Name != "context" {
			o.prove.extra = "--" + f.Name
		}
	})
	return args[0], nil
}

// checkProve refuses early what a proof cannot use.
func (o adviseOptions) checkProve() error {
	switch {
	case o.prove.on && o.target.user != "":
		return exitcode.BadInputf("--user cannot be combined with --prove, which proves the user of the Dockerfile")
	case o.prove.on:
		t, err := o.target.target("", o.prove.command)
		if err != nil {
			return err
		}
		return exitcode.BadInput(trial.CheckCommands(t.Commands))
	case o.prove.extra != "":
		return exitcode.BadInputf("%s is for --prove, which is not given", o.prove.extra)
	case len(o.prove.command) > 0:
		return exitcode.BadInputf("the command behind -- is for --prove, which is not given")
	}
	return nil
}

// buildArgs returns the build arguments by name. One without a value in the environment keeps the default of the Dockerfile.
func (o proveOptions) buildArgs() (map[string]string, error) {
	out := map[string]string{}
	for i, spec := range o.args {
		v, ok, err := input.Variable(spec)
		if err != nil {
			return nil, exitcode.BadInputf("--build-arg number %d: %w", i+1, err) // the text may be a secret
		}
		if ok {
			out[v.Name] = v.Value
		}
	}
	return out, nil
}

// proveOutcome proves the change of the one Dockerfile that was advised on. An error is one of the engine or of the input.
func (o adviseOptions) proveOutcome(ctx context.Context, s streams, what string, outcome *advise.Outcome) error {
	if len(outcome.Images) > 0 || len(outcome.Dockerfiles) != 1 {
		return exitcode.BadInputf("--prove takes one Dockerfile: %s is something else, or has several", what)
	}
	d := &outcome.Dockerfiles[0]
	if d.Refused != "" {
		d.Proof = &advise.Proof{Why: "there is no change to build: " + d.Refused}
		return nil
	}
	b, err := o.build(*d)
	if err != nil {
		return err
	}
	t, err := o.target.target("", o.prove.command)
	if err != nil {
		return err
	}
	progress := s.progress(false)
	defer progress.Done()
	engine, err := podrun.Connect(ctx, podrun.Options{Progress: progress.Step, Helper: trace.Binary})
	if err != nil {
		return err
	}
	defer func() {
		if err := engine.Sweep(context.WithoutCancel(ctx)); err != nil {
			fmt.Fprintf(s.err, "podseal: %s; `podseal gc` removes the rest\n", oneLine(err))
		}
		_ = engine.Close()
	}()
	proof, err := sealing.Prove(ctx, engine, b, t, progress.Step)
	if err != nil {
		return err
	}
	progress.Done()
	d.Proof = &proof.Proof
	if proof.Result == nil {
		return nil
	}
	return report.New(redact.Apply(s.redact, *proof.Result)).Text(s.err, report.TextOptions{Width: s.width, Color: s.color})
}

// build returns the build of a changed Dockerfile.
func (o adviseOptions) build(d advise.DockerfileReport) (docker.Build, error) {
	given, err := o.prove.buildArgs()
	if err != nil {
		return docker.Build{}, err
	}
	args := map[string]*string{}
	for name, value := range given {
		args[name] = &value
	}
	dir := o.prove.context
	if dir == "" {
		dir = filepath.Dir(d.File)
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return docker.Build{}, exitcode.BadInputf("--context %s: there is no such folder", dir)
	}
	return docker.Build{
		Dir: dir, Name: d.File, Dockerfile: d.Patched, Target: o.stage, Platform: o.target.platform,
		Network: o.prove.network, Args: args, Bases: d.Bases, Keep: o.prove.keep,
	}, nil
}
