package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/cluster/verify"
	"github.com/podseal/podseal/internal/cluster/workload"
	"github.com/podseal/podseal/internal/engines"
	"github.com/podseal/podseal/internal/exitcode"
	"github.com/podseal/podseal/internal/safetext"
	"github.com/podseal/podseal/internal/trial"
)

// verifyOptions are the flags of podseal verify.
type verifyOptions struct {
	target     targetOptions
	input      inputOptions
	kube       kubeOptions
	level      string
	format     string
	keepClaims bool
	quiet      bool
}

func newVerifyCommand(s streams) *cobra.Command {
	var o verifyOptions
	c := &cobra.Command{
		Use:   "verify -f FILE [flags] -- COMMAND...",
		Short: "Run a sealed workload in a real cluster, and report whether it passes the e2e commands there",
		Long: `Ask the cluster by dry runs whether it admits the workload, in a temporary namespace and in the user's. Then run the
workload's pod in the temporary namespace, which enforces the level restricted of Pod Security, with the ConfigMaps, Secrets,
Services and service accounts of the same files. Wait until the pod's own probes pass, run the e2e commands, restart the
container over its volumes, and run the commands again. The namespace is removed at the end.

Nothing is written to any other namespace. An emptyDir takes the place of each claim unless --keep-claims is set. The
exit code is 0 where the cluster agrees with the seal, 4 where it does not, and 2 where it does not admit the workload.`,
		Example: `  podseal verify -f sealed.yaml -- sh -c 'curl -fsS $PODSEAL_URL/'
  podseal verify --context staging -n shop -f sealed.yaml -c web --exec 'psql -U postgres -c "select 1"'`,
		RunE: func(c *cobra.Command, args []string) error {
			if c.ArgsLenAtDash() > 0 || c.ArgsLenAtDash() < 0 && len(args) > 0 {
				return exitcode.BadInputf("unexpected argument %q: give the workload with -f FILE, and the e2e command after --", args[0])
			}
			return o.run(c.Context(), s, args)
		},
	}
	o.addFlags(c)
	return c
}

func (o *verifyOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	o.kube.addFlags(f)
	o.input.given, o.target.given = f.Changed, f.Changed
	f.StringArrayVarP(&o.input.Files, "filename", "f", nil, "verify the workload of a `FILE`, a folder, a kustomization, a Helm chart, or - for stdin (repeatable)")
	f.StringArrayVar(&o.input.Chart.Files, "values", nil, "render the charts of -f with the values of a `FILE` (repeatable)")
	f.StringArrayVar(&o.input.Chart.Set, "set", nil, "set a value of the charts of -f, `NAME=VALUE` (repeatable)")
	f.StringVarP(&o.input.Container, "container", "c", "", "run the commands for the container of this `NAME` (default: the pod's default container)")
	f.StringVar(&o.input.Object, "select", "", "verify one of several workloads, `KIND/NAME`")
	f.StringArrayVar(&o.input.With, "with", nil, "take ConfigMaps, Secrets and Services from a `FILE` as well (repeatable)")
	f.IntSliceVar(&o.target.ports, "port", nil, "forward a TCP `PORT` of the pod to a free loopback port; the first is PODSEAL_PORT (default: those that the pod declares)")
	f.StringVar(&o.target.ready.Command, "ready", "", "repeat this `COMMAND` on the host (sh -c) until it exits 0, instead of waiting for the pod's probes")
	f.StringVar(&o.target.ready.HTTP, "ready-http", "", "repeat a GET of `PATH` on the first port until its status is below 400")
	f.StringVar(&o.target.ready.Log, "ready-log", "", "wait for a log line that matches `REGEX`")
	f.StringVar(&o.target.ready.Exec, "ready-exec", "", "repeat this `COMMAND` in the container (sh -c) until it exits 0")
	f.DurationVar(&o.target.ready.Timeout, "ready-timeout", time.Minute, "limit the wait for readiness")
	f.StringArrayVar(&o.target.execs, "exec", nil, "run an e2e `COMMAND` in the container (sh -c), before the one on the host (repeatable)")
	f.DurationVar(&o.target.soak, "soak", 0, "keep the application running for this long after the e2e commands")
	f.DurationVar(&o.target.timeout, "timeout", 10*time.Minute, "limit the whole verification")
	f.BoolVar(&o.keepClaims, "keep-claims", false, "create the claims of the files instead of using emptyDirs")
	f.StringVar(&o.level, "level", string(kube.Restricted), "Pod Security `LEVEL` that the temporary namespace enforces: restricted, baseline or privileged")
	f.StringVar(&o.format, "format", "text", "print the answer as `FORMAT`: text or json")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print no progress")
}

func (o *verifyOptions) run(ctx context.Context, s streams, command []string) error {
	r, err := o.request(ctx, s, command)
	if err != nil {
		return err
	}
	client, err := o.kube.connect()
	if err != nil {
		return err
	}
	if !o.quiet {
		r.Progress = func(line string) { fmt.Fprintln(s.err, "podseal:", safetext.Line(line)) }
	}
	res, err := verify.Run(ctx, client, r)
	if err != nil {
		return verifyError(err)
	}
	if err := o.write(s, res); err != nil {
		return err
	}
	switch res.Verdict {
	case verify.Agreed:
		return nil
	case verify.Refused:
		return verdictError(exitcode.Usage)
	case verify.Differs:
		return verdictError(exitcode.NotSealed)
	case verify.Undecided:
	}
	return verdictError(exitcode.Engine)
}

// verifyError returns the error of a verification with the exit code that it leads to: a namespace that was left is named, a
// refusal and an image that the cluster lacks are the input's.
func verifyError(err error) error {
	left := new(verify.LeftError)
	if errors.As(err, &left) {
		return &engines.LeftError{Err: err}
	}
	refusal, missing := new(kube.Refusal), new(verify.StartError)
	if errors.As(err, &refusal) || errors.As(err, &missing) {
		return exitcode.BadInput(err)
	}
	return err
}

func (o *verifyOptions) write(s streams, res verify.Result) error {
	if o.format == "text" {
		return verify.WriteText(s.out, res)
	}
	out := json.NewEncoder(s.out)
	out.SetIndent("", "  ")
	return out.Encode(res)
}

// request reads the input. Everything that it alone decides is refused here.
func (o *verifyOptions) request(ctx context.Context, s streams, command []string) (r verify.Request, err error) {
	if err := o.checkWords(); err != nil {
		return r, err
	}
	flags, err := o.target.target(ctx, "", command)
	if err != nil {
		return r, err
	}
	if err := trial.CheckCommands(flags.Commands); err != nil {
		return r, exitcode.BadInput(err)
	}
	container := o.input.Container
	o.input.Container = ""  // all containers of the workload run
	o.input.HostPath = true // whether a pod may have one is for the cluster to say
	set, err := o.input.read(ctx, s, flags)
	if err != nil {
		return r, err
	}
	r, err = verify.RequestOf(set, container, workload.Options{KeepClaims: o.keepClaims})
	r.Level, r.Ready = kube.Level(o.level), flags.Ready.Timeout
	return r, exitcode.BadInput(err)
}

func (o *verifyOptions) checkWords() error {
	switch kube.Level(o.level) {
	case kube.Restricted, kube.Baseline, kube.Privileged:
	default:
		return exitcode.BadInputf("--level %s: give restricted, baseline or privileged", o.level)
	}
	if o.format != "text" && o.format != "json" {
		return exitcode.BadInputf("--format %s: give text or json", o.format)
	}
	if len(o.input.Files) == 0 {
		return exitcode.BadInputf("no workload given: podseal verify -f FILE -- COMMAND...")
	}
	return nil
}
