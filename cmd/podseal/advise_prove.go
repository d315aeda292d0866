package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/podrun"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trace"
	"github.com/podseal/podseal/internal/trial"
)

// proveOptions are the flags of the proof: the build's own. How the image is run is told as to podseal run.
type proveOptions struct {
	on                     bool
	context, network, keep string
	args                   []string

	command []string // behind --
	extra   string   // a flag that was given and has no meaning without --prove
}

func (o *proveOptions) addFlags(f *pflag.FlagSet) {
	f.BoolVar(&o.on, "prove", false, "build the changed Dockerfile, seal the image with the e2e commands, and say whether that works; the flags below are for it")
	f.StringVar(&o.context, "context", "", "the build context `FOLDER`; default: the Dockerfile's own")
	f.StringVar(&o.network, "build-network", "", "the `NETWORK` of the build's RUN instructions, for example host")
	f.StringVar(&o.keep, "keep-image", "", "keep the image that --prove builds, under this `NAME`")
}

// splitArgs takes the one thing to advise on, and the e2e command behind it.
func (o *adviseOptions) splitArgs(c *cobra.Command, args []string) (what string, err error) {
	if at := c.ArgsLenAtDash(); at >= 0 {
		args, o.prove.command = args[:at], args[at:]
	}
	if len(args) != 1 {
		return "", badInput("%s takes one image, file or folder, got %d arguments", c.CommandPath(), len(args))
	}
	run := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(targetOptions).addFlags(run)
	new(proveOptions).addFlags(run)
	run.VisitAll(func(f *pflag.Flag) {
		if c.Flags().Changed(f.Name) && f.Name != "platform" && f.Name != "prove" {
			o.prove.extra = "--" + f.Name
		}
	})
	return args[0], nil
}

// checkProve refuses early what a proof cannot use.
func (o adviseOptions) checkProve() error {
	switch {
	case o.prove.on && o.target.user != "":
		return badInput("--user does not go with --prove: the user is what is proved")
	case o.prove.on:
		t, err := o.target.target("", o.prove.command)
		if err != nil {
			return err
		}
		return asBadInput(trial.CheckCommands(t.Commands))
	case o.prove.extra != "":
		return badInput("%s is for --prove, which is not given", o.prove.extra)
	case len(o.prove.command) > 0:
		return badInput("the command behind -- is for --prove, which is not given")
	}
	return nil
}

// buildArgs are the build arguments by name. One without a value here is left to the Dockerfile.
func (o proveOptions) buildArgs() (map[string]string, error) {
	out := map[string]string{}
	for _, spec := range o.args {
		v, ok, err := envVar(spec)
		if err != nil {
			return nil, badInput("--build-arg %s: %w", spec, err)
		}
		if ok {
			out[v.Name] = v.Value
		}
	}
	return out, nil
}

// prove builds the changed Dockerfile and seals the image. What the outcome says is in the report; an error is one of
// the engine or of the input.
func (a *adviser) prove(ctx context.Context, what string) error {
	if len(a.outcome.Images) > 0 || len(a.outcome.Dockerfiles) != 1 {
		return badInput("--prove takes one Dockerfile: %s is something else, or has several", what)
	}
	d := &a.outcome.Dockerfiles[0]
	if d.Refused != "" {
		d.Proof = &advise.Proof{Why: "there is no change to build: " + d.Refused}
		return nil
	}
	s := a.streams
	progress := report.NewProgress(s.err, report.ProgressOptions{Terminal: s.terminal, Color: s.color, Width: s.width})
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
	ref, err := a.build(ctx, engine, *d)
	if failed := new(docker.BuildError); errors.As(err, &failed) {
		d.Proof = &advise.Proof{Why: failed.Error(), Build: failed.Lines}
		return nil
	}
	if err != nil {
		return err
	}
	return a.sealBuilt(ctx, engine, d, ref, progress)
}

func (a *adviser) build(ctx context.Context, engine *podrun.Engine, d advise.DockerfileReport) (ref string, err error) {
	o := a.opts.prove
	given, err := o.buildArgs()
	if err != nil {
		return "", err
	}
	args := map[string]*string{}
	for name, value := range given {
		args[name] = &value
	}
	dir := o.context
	if dir == "" {
		dir = filepath.Dir(d.File)
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return "", badInput("--context %s: there is no such folder", dir)
	}
	return engine.Client().Build(ctx, docker.Build{
		Dir: dir, Name: d.File, Dockerfile: d.Patched, Target: a.opts.stage, Platform: a.opts.target.platform,
		Network: o.network, Args: args, Bases: d.Bases, Keep: o.keep,
	})
}

// sealBuilt seals the image as podseal run does. Where the changed image does not even pass the open run as its own
// user, which may be for want of folders that it can write to, it is learnt from as root and sealed as that user.
func (a *adviser) sealBuilt(ctx context.Context, engine *podrun.Engine, d *advise.DockerfileReport, ref string, progress *report.Progress) error {
	t, err := a.opts.target.target(ref, a.opts.prove.command)
	if err != nil {
		return err
	}
	o := seal.Options{RunID: engine.RunID(), Minimize: seal.MinimizeFast, Parallel: runtime.NumCPU(), Progress: progress.Step}
	alone, err := seal.Run(ctx, engine, t, o)
	if err != nil {
		return err
	}
	res := alone
	if alone.Verdict == seal.NotTestable && alone.Image.Config != nil {
		progress.Step("the changed image does not pass as it is: learning as root what it needs in a pod")
		u, err := declaredUser(ctx, engine, alone.Image)
		if err != nil {
			return err
		}
		t.User, o.User = "0", &u
		if res, err = seal.Run(ctx, engine, t, o); err != nil {
			return err
		}
	}
	progress.Done()
	d.Proof = proofOf(t, alone, res)
	d.Proof.Image = a.opts.prove.keep
	if d.Proof.Proved {
		return nil
	}
	s := a.streams
	return report.New(res).Text(s.err, report.TextOptions{Width: s.width, Color: s.color})
}

// declaredUser is the user of an image by number.
func declaredUser(ctx context.Context, engine *podrun.Engine, facts image.Facts) (plan.UserChoice, error) {
	tree, err := engine.Tree(ctx, facts)
	if err != nil {
		return plan.UserChoice{}, err
	}
	defer func() { _ = tree.Close(context.WithoutCancel(ctx)) }() // what is left is swept by its label
	users, err := image.ReadUsers(ctx, tree)
	if err != nil {
		return plan.UserChoice{}, err
	}
	r, err := users.Resolve(facts.Config.Config.User)
	if err != nil {
		return plan.UserChoice{}, err
	}
	return plan.UserChoice{
		User: profile.User{UID: r.UID, GID: r.GID, Groups: r.Groups}, Name: r.Name, Why: "USER of the changed Dockerfile",
	}, nil
}

// proofOf judges the seals: of the changed image as it is, and, where that was not testable, of one that was learnt from
// as root. Exceptions that have nothing to do with the user do not count.
func proofOf(t target.Target, alone, res seal.Result) *advise.Proof {
	u := res.Profile.User
	p := &advise.Proof{Verdict: string(res.Verdict)}
	if res.Verdict == seal.NotTestable {
		p.Why = "the image fails " + commandsOf(t) + " even as root, so that nothing is known of the change: " + res.Rounds[0].Observation.Failure.Text
		return p
	}
	p.User = fmt.Sprintf("%d:%d", u.UID, u.GID)
	for _, m := range res.Profile.Mounts {
		p.Mounts = append(p.Mounts, m.Path)
	}
	root := u.UID == 0 || slices.ContainsFunc(res.Exceptions, func(e seal.Exception) bool { return e.Setting == "runAsNonRoot" })
	if root || res.Verdict != seal.Sealed && res.Verdict != seal.SealedWithExceptions {
		p.Why = "the changed image is " + string(res.Verdict) + ": " + oneLine(errors.New(res.Why))
		return p
	}
	p.Proved, p.Why = true, fmt.Sprintf("the changed image passes %s, sealed, as user %s", commandsOf(t), p.User)
	if res.Verdict == seal.SealedWithExceptions {
		p.Why += "; the seal has exceptions, which podseal run shows"
	}
	if alone.Verdict == seal.NotTestable {
		p.Why += fmt.Sprintf(", in a pod that gives it writable folders. By itself it does not: %s; "+
			"--writes %s makes these folders its own in the image", alone.Rounds[0].Observation.Failure.Text, strings.Join(p.Mounts, ","))
	}
	return p
}

func commandsOf(t target.Target) string {
	if len(t.Commands) == 0 {
		return "its start (no e2e command was given)"
	}
	var out []string
	for _, c := range t.Commands {
		out = append(out, "`"+c.String()+"`")
	}
	return strings.Join(out, " and ")
}
