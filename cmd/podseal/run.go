package main

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/emit"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trace"
)

// runOptions are the flags of podseal run.
type runOptions struct {
	target targetOptions

	output, minimize, tracing string
	reports, allow            []string
	seedImage                 string
	planOnly, quiet, verbose  bool
}

func newRunCommand(s streams) *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:   "run IMAGE [flags] -- COMMAND...",
		Short: "Seal an image: find the tightest pod spec that the e2e commands pass under, prove it, print it",
		Long: `Runs the image as it is, drives it with the e2e commands, plans the tightest profile, and runs the image again
under exactly that profile. The sealed Pod manifest goes to stdout, the report to stderr.

COMMAND runs on the host; --exec runs one in the container. Both see PODSEAL_CONTAINER, PODSEAL_HOST, PODSEAL_PORT (the
first port), PODSEAL_PORT_<n> and PODSEAL_URL. Exit status 0 means that the application works.`,
		Example: `  podseal run nginx:1.29 -- sh -c 'curl -fsS $PODSEAL_URL/ | grep -q Welcome'
  podseal run -e POSTGRES_PASSWORD=x postgres:17 --exec 'psql -U postgres -c "select 1"' -o pod.yaml`,
		RunE: func(c *cobra.Command, args []string) error {
			image, command, err := splitArgs(c, args)
			if err != nil {
				return err
			}
			return run(c.Context(), o, s, image, command)
		},
	}
	o.addFlags(c)
	return c
}

func (o *runOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	o.target.addFlags(f)
	f.StringVarP(&o.output, "output", "o", "", "write the manifest to a `FILE` instead of stdout")
	f.StringArrayVar(&o.reports, "report", nil, "also write a report: `json=FILE` (repeatable)")
	f.BoolVar(&o.planOnly, "plan-only", false, "print the first plan without proving it, marked so")
	f.StringVar(&o.minimize, "minimize", string(seal.MinimizeFull), "how far to tighten what passes: none, fast or full")
	f.StringVar(&o.tracing, "trace", "auto", "trace every write: auto, on or off")
	f.StringArrayVar(&o.allow, "allow", nil, "accept an `EXCEPTION` of the seal, by the setting that the report names (repeatable)")
	f.StringVar(&o.seedImage, "seed-image", "", "an `IMAGE` with sh and cp for the init containers, where the sealed image has none")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print neither progress nor report, only errors")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "show in the report what was set aside as runtime noise, too")
}

// splitArgs parts the image from the host command behind --.
func splitArgs(c *cobra.Command, args []string) (image string, command []string, err error) {
	before := args
	if at := c.ArgsLenAtDash(); at >= 0 {
		before, command = args[:at], args[at:]
	}
	switch {
	case len(before) == 0:
		return "", nil, badInput("no image given: podseal run IMAGE [flags] -- COMMAND...")
	case len(before) > 1:
		return "", nil, badInput("unexpected argument %q: flags go before --, the e2e command after it", before[1])
	}
	return before[0], command, nil
}

func run(ctx context.Context, o runOptions, s streams, image string, command []string) error {
	t, err := o.check(image, command)
	if err != nil {
		return err
	}
	progress := report.NewProgress(s.err, report.ProgressOptions{Terminal: s.terminal, Quiet: o.quiet, Color: s.color})
	defer progress.Done()
	res, err := sealTarget(ctx, o, t, progress)
	if err != nil {
		return err
	}
	progress.Done()
	if !o.quiet {
		if err := report.Text(s.err, res, report.TextOptions{Width: s.width, Color: s.color, Verbose: o.verbose}); err != nil {
			return err
		}
	}
	for _, name := range jsonFiles(o.reports) {
		var b bytes.Buffer
		if err := report.JSON(&b, res); err != nil {
			return err
		}
		if err := writeFile(name, b.Bytes()); err != nil {
			return err
		}
	}
	return o.deliver(s, res)
}

// check refuses bad input before anything is started.
func (o *runOptions) check(image string, command []string) (t target.Target, err error) {
	if t, err = o.target.target(image, command); err != nil {
		return t, err
	}
	if err := seal.CheckCommands(t.Commands); err != nil {
		return t, asBadInput(err)
	}
	if !slices.Contains([]string{"none", "fast", "full"}, o.minimize) {
		return t, badInput("--minimize %s: use none, fast or full", o.minimize)
	}
	if !slices.Contains([]string{"auto", "on", "off"}, o.tracing) {
		return t, badInput("--trace %s: use auto, on or off", o.tracing)
	}
	for _, r := range o.reports {
		if kind, name, ok := strings.Cut(r, "="); !ok || kind != "json" || name == "" {
			return t, badInput("--report %s: use json=FILE", r)
		}
	}
	for _, name := range append(jsonFiles(o.reports), o.output) {
		if err := checkWritable(name); err != nil {
			return t, err
		}
	}
	return t, nil
}

func jsonFiles(reports []string) []string {
	var out []string
	for _, r := range reports {
		out = append(out, strings.TrimPrefix(r, "json="))
	}
	return out
}

// sealTarget connects to the engine, seals, and removes what was made, whatever happened.
func sealTarget(ctx context.Context, o runOptions, t target.Target, progress *report.Progress) (res seal.Result, err error) {
	engine, err := docker.New(ctx, docker.Options{Progress: progress.Step, Helper: trace.Binary, NoTrace: o.tracing == "off"})
	if err != nil {
		return res, err
	}
	defer func() {
		progress.Step("removing what was made in the engine")
		if serr := engine.Sweep(context.WithoutCancel(ctx)); serr != nil && err == nil {
			err = fmt.Errorf("%w; `podseal gc` removes the rest", serr)
		}
		_ = engine.Close() // nothing is lost with a connection
	}()
	return seal.Seal(ctx, engine, t, seal.Options{
		RunID: engine.RunID(), Minimize: seal.Minimize(o.minimize), PlanOnly: o.planOnly,
		Parallel: runtime.NumCPU(), Progress: progress.Step,
	})
}

// deliver writes the manifest, where there is one to be written, and turns the verdict into the exit code.
func (o *runOptions) deliver(s streams, res seal.Result) error {
	switch {
	case res.Verdict == seal.NotTestable:
		return verdictError(exitNotTestable)
	case res.Verdict == seal.Sealed, res.Verdict == seal.Planned:
	case res.Verdict == seal.SealedWithExceptions && allowed(res.Exceptions, o.allow):
	default:
		return verdictError(exitNotSealed)
	}
	manifest, err := manifestOf(res, o.seedImage)
	if err != nil {
		return err
	}
	if o.output != "" {
		return writeFile(o.output, manifest)
	}
	_, err = s.out.Write(manifest)
	return err
}

// manifestOf is the only way from a result to a manifest: a profile that did not pass is marked.
func manifestOf(res seal.Result, seedImage string) ([]byte, error) {
	manifest, err := emit.Pod(emit.Input{Target: res.Target, Facts: res.Image, Profile: res.Profile, SeedImage: seedImage})
	if err != nil {
		return nil, err
	}
	if _, proved := res.Proved(); !proved {
		manifest = emit.Unproved(manifest)
	}
	return manifest, nil
}

// allowed tells whether the user accepted every exception.
func allowed(exceptions []seal.Exception, allow []string) bool {
	for _, e := range exceptions {
		if !slices.Contains(allow, e.Setting) {
			return false
		}
	}
	return true
}
