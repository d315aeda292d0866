package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/advise/sealing"
	"github.com/podseal/podseal/internal/advise/survey"
	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/engines"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/outfile"
	"github.com/podseal/podseal/internal/podrun"
	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/trace"
	"github.com/podseal/podseal/internal/trial"
)

// adviseOptions are the flags of podseal advise.
type adviseOptions struct {
	target targetOptions // for --prove; its platform holds for every image
	prove  proveOptions
	redact redactOptions

	from, stage         string
	format, output      string
	catalog             string
	failOn, writes      []string
	deep, verify, write bool
	ownCatalogOnly      bool // leave the shipped catalog out
}

func newAdviseCommand(s streams) *cobra.Command {
	var o adviseOptions
	c := &cobra.Command{
		Use:   "advise {IMAGE | DOCKERFILE | MANIFEST | ARCHIVE | FOLDER} [flags] [-- COMMAND...]",
		Short: "Report whether and why an image runs as root, which uid it can run as, and the best way out",
		Long: `Read an image, a Dockerfile, the images of a manifest, or all Dockerfiles and manifests below a folder. Classify images:
declares root only, drops root itself, drops root for its workers, never drops it, names its user, is fine. Each
sentence comes with its evidence. Nothing runs unless --prove is set.

An image is searched in the engine, then in its registry, where only the layers that are needed are read. A Dockerfile is
patched to a numeric non-root user; --prove builds the changed Dockerfile, and seals the image with the e2e commands
as podseal run does. Without --prove the patch is not proved.`,
		Example: `  podseal advise redis:8
  podseal advise --from registry --verify ghcr.io/example/app:1.2
  podseal advise Dockerfile | git apply
  podseal advise --fail-on root,named-user deploy.yaml
  podseal advise --prove Dockerfile -- sh -c 'curl -fsS $PODSEAL_URL/'`,
		RunE: func(c *cobra.Command, args []string) error {
			what, err := o.splitArgs(c, args)
			if err != nil {
				return err
			}
			return runAdvise(c.Context(), o, s, what)
		},
	}
	o.addFlags(c)
	return c
}

func (o *adviseOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&o.from, "from", "", "read the image from engine, registry, archive (docker save) or layout (OCI); default: the first that has it")
	f.BoolVar(&o.deep, "deep", false, "read all layers of an image in a registry: setuid files, file capabilities, owners")
	f.BoolVar(&o.verify, "verify", false, "check in the registry that each alternative image exists and is not root")
	f.StringVar(&o.catalog, "catalog", "", "read more images and alternatives from a `FILE`; its entries replace those of the shipped catalog")
	f.BoolVar(&o.ownCatalogOnly, "no-shipped-catalog", false, "advise only images of --catalog")
	f.StringVar(&o.stage, "target", "", "advise on this `STAGE` of the Dockerfile; default: the last one")
	f.StringArrayVar(&o.prove.args, "build-arg", nil, "set a build argument of the Dockerfile: `NAME=VALUE`, or NAME to take its value from the environment (repeatable)")
	f.StringSliceVar(&o.writes, "writes", nil, "make these `FOLDERS` writable for the user too; the VOLUMEs of the Dockerfile always are")
	f.BoolVar(&o.write, "write", false, "write the change into the Dockerfile; with --prove only if it is proved")
	f.StringVar(&o.format, "format", "text", "write text, json, or sarif (findings in Dockerfiles)")
	f.StringVarP(&o.output, "output", "o", "", "write the advice to a `FILE`; default: stdout")
	f.StringSliceVar(&o.failOn, "fail-on", nil, "exit with code 4 on these `FINDINGS`: "+strings.Join(advise.AllFindingIDs(), ", "))
	o.redact.addFlags(f)
	o.prove.addFlags(f)
	o.target.addFlags(f)
}

func (o adviseOptions) check(ctx context.Context) error {
	for _, id := range o.failOn {
		if !slices.Contains(advise.AllFindingIDs(), id) {
			return exitcode.BadInputf("--fail-on %s: there is no such finding; there are: %s", id, strings.Join(advise.AllFindingIDs(), ", "))
		}
	}
	if !slices.Contains(advise.Formats(), o.format) {
		return exitcode.BadInputf("--format %s: it is one of %s", o.format, strings.Join(advise.Formats(), ", "))
	}
	if !slices.Contains([]string{"", "engine", "registry", "archive", "layout"}, o.from) {
		return exitcode.BadInputf("--from %s: it is one of engine, registry, archive, layout", o.from)
	}
	if err := outfile.Check(o.output); err != nil {
		return exitcode.BadInput(err)
	}
	return o.checkProve(ctx)
}

func runAdvise(ctx context.Context, o adviseOptions, s streams, what string) error {
	if err := o.redact.apply(s); err != nil {
		return err
	}
	if err := o.check(ctx); err != nil {
		return err
	}
	outcome, err := o.survey(ctx, s, what)
	if err != nil {
		return err
	}
	if o.format == "sarif" && len(outcome.Dockerfiles) == 0 {
		return exitcode.BadInputf("--format sarif shows findings in Dockerfiles: %s has none; use json", what)
	}
	if o.write && len(outcome.Dockerfiles) == 0 {
		return exitcode.BadInputf("--write changes a Dockerfile: %s has none", what)
	}
	if o.prove.on {
		if err := o.proveOutcome(ctx, s, what, &outcome); err != nil {
			return err
		}
	}
	if o.write {
		if err := survey.WriteDockerfiles(&outcome); err != nil {
			return err
		}
	}
	if err := o.deliver(redact.Apply(s.redact, outcome), s); err != nil {
		return err
	}
	return o.judge(outcome)
}

// survey collects the advice on what the argument names.
func (o adviseOptions) survey(ctx context.Context, s streams, what string) (advise.Outcome, error) {
	catalog, err := survey.Catalog(ctx, o.catalog, o.ownCatalogOnly)
	if err != nil {
		return advise.Outcome{}, exitcode.BadInput(err)
	}
	args, err := o.prove.buildArgs()
	if err != nil {
		return advise.Outcome{}, err
	}
	var engine *docker.Client
	defer func() {
		if engine != nil {
			_ = engine.Close()
		}
	}()
	outcome, err := survey.Advise(ctx, what, survey.Options{
		Catalog: catalog, From: o.from, Platform: o.target.platform, Deep: o.deep, Verify: o.verify,
		Stage: o.stage, Args: args, Writes: o.writes, Context: o.prove.context,
		ReadFile: func(name string) ([]byte, error) { return readInput(ctx, s, name) },
		Skipped:  func(err error) { fmt.Fprintln(s.err, "podseal: skipped:", oneLine(err)) },
		Connect: func(ctx context.Context) (survey.Engine, error) {
			var err error
			engine, err = docker.New(ctx, docker.Options{})
			return engine, err
		},
	})
	if bad := new(survey.InputError); errors.As(err, &bad) {
		return outcome, exitcode.BadInput(err)
	}
	return outcome, err
}

func (o adviseOptions) deliver(outcome advise.Outcome, s streams) error {
	data, err := outcome.Render(o.format, version)
	if err != nil {
		return err
	}
	if o.output != "" {
		err = outfile.Write(o.output, data)
	} else {
		_, err = s.out.Write(data)
	}
	if err != nil {
		return fmt.Errorf("writing the advice: %w", err)
	}
	return nil
}

// judge returns the error that leads to the exit code: of something that could not be read, of a patch that is not proved,
// of a finding that --fail-on names.
func (o adviseOptions) judge(outcome advise.Outcome) error {
	for _, d := range outcome.Dockerfiles {
		if d.Proof != nil && !d.Proof.Proved {
			return &exitcode.Error{Code: exitcode.NotSealed, Err: fmt.Errorf("the advice on %s is not proved", d.File)}
		}
	}
	if id, found := outcome.Has(o.failOn); found {
		return &exitcode.Error{Code: exitcode.NotSealed, Err: fmt.Errorf("found %s, which --fail-on names", id)}
	}
	if n := len(outcome.Failed); n > 0 {
		return exitcode.BadInputf("%d of %d images and files could not be advised on", n, n+len(outcome.Images)+len(outcome.Dockerfiles))
	}
	return nil
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
func (o adviseOptions) checkProve(ctx context.Context) error {
	switch {
	case o.prove.on && o.target.user != "":
		return exitcode.BadInputf("--user cannot be combined with --prove, which proves the user of the Dockerfile")
	case o.prove.on:
		t, err := o.target.target(ctx, "", o.prove.command)
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

// proveOutcome proves the change of the one Dockerfile that was advised on. An error is one of the engine or of the input.
func (o adviseOptions) proveOutcome(ctx context.Context, s streams, what string, outcome *advise.Outcome) (err error) {
	if len(outcome.Images) > 0 || len(outcome.Dockerfiles) != 1 {
		return exitcode.BadInputf("--prove takes one Dockerfile: %s is something else, or has several", what)
	}
	d := &outcome.Dockerfiles[0]
	if d.Refused != "" {
		d.Proof = &advise.Proof{Why: "there is no change to build: " + d.Refused}
		return nil
	}
	args, err := o.prove.buildArgs()
	if err != nil {
		return err
	}
	b, err := sealing.NewBuild(*d, args, docker.Build{
		Dir: o.prove.context, Target: o.stage, Platform: o.target.platform, Network: o.prove.network, Keep: o.prove.keep,
	})
	if err != nil {
		return exitcode.BadInput(err)
	}
	t, err := o.target.target(ctx, "", o.prove.command)
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
		if left := engine.Sweep(context.WithoutCancel(ctx)); left != nil {
			err = engines.WithLeft(err, left)
		}
		_ = engine.Close()
	}()
	proof, err := sealing.Prove(ctx, engine, engine.Client(), b, t, progress.Step)
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
