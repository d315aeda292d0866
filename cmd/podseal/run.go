package main

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

// runOptions are the flags of podseal run.
type runOptions struct {
	target  targetOptions
	cluster clusterOptions
	deliver deliverOptions

	input inputOptions

	minimize, tracing        string
	reports, allow           []string
	planOnly, quiet, verbose bool
}

func newRunCommand(s streams) *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:   "run {IMAGE | -f FILE} [flags] -- COMMAND...",
		Short: "Seal an image: find the tightest pod spec that the e2e commands pass under, prove it, print it",
		Long: `Runs the image as it is, drives it with the e2e commands, plans the tightest profile, and runs the image again
under exactly that profile. The sealed Pod manifest goes to stdout, the report to stderr.

COMMAND runs on the host; --exec runs one in the container. Both see PODSEAL_CONTAINER, PODSEAL_HOST, PODSEAL_PORT (the
first port), PODSEAL_PORT_<n> and PODSEAL_URL. Exit status 0 means that the application works.`,
		Example: `  podseal run nginx:1.29 -- sh -c 'curl -fsS $PODSEAL_URL/ | grep -q Welcome'
  podseal run -e POSTGRES_PASSWORD=x postgres:17 --exec 'psql -U postgres -c "select 1"' -o pod.yaml
  podseal run -f deploy.yaml --in-place --network-policy policy.yaml -- ./e2e.sh
  podseal run -f deploy.yaml --format kustomize -o seal -- ./e2e.sh`,
		RunE: func(c *cobra.Command, args []string) error {
			image, command, err := splitArgs(c, args, o.input.files)
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
	o.input.addFlags(f)
	o.deliver.addFlags(f)
	f.StringArrayVar(&o.reports, "report", nil, "also write a report: `KIND=FILE`, json or markdown (repeatable)")
	f.BoolVar(&o.planOnly, "plan-only", false, "print the first plan without proving it, marked so")
	f.StringVar(&o.minimize, "minimize", string(seal.MinimizeFull), "how far to tighten what passes: none, fast or full")
	f.StringVar(&o.tracing, "trace", "auto", "trace every write: auto, on or off")
	f.StringArrayVar(&o.allow, "allow", nil, "accept an `EXCEPTION` of the seal, by the setting that the report names (repeatable)")
	o.cluster.addFlags(f)
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print neither progress nor report, only errors")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "show in the report what was set aside as runtime noise, too")
}

// splitArgs parts the image from the host command behind --.
func splitArgs(c *cobra.Command, args []string, files []string) (image string, command []string, err error) {
	before := args
	if at := c.ArgsLenAtDash(); at >= 0 {
		before, command = args[:at], args[at:]
	}
	switch {
	case len(files) > 0 && len(before) > 0:
		return "", nil, badInput("give an image or -f FILE, not both: %s, %s", before[0], files[0])
	case len(files) > 0:
		return "", command, nil
	case len(before) == 0:
		return "", nil, badInput("no image given: podseal run IMAGE [flags] -- COMMAND..., or podseal run -f FILE")
	case len(before) > 1:
		return "", nil, badInput("unexpected argument %q: flags go before --, the e2e command after it", before[1])
	}
	return before[0], command, nil
}

func run(ctx context.Context, o runOptions, s streams, image string, command []string) error {
	t, inputs, err := o.check(s, image, command)
	if err != nil {
		return err
	}
	progress := report.NewProgress(s.err, report.ProgressOptions{Terminal: s.terminal, Quiet: o.quiet, Color: s.color, Width: s.width})
	defer progress.Done()
	var sealed []sealedInput
	if len(inputs) == 0 {
		res, err := sealTarget(ctx, o, t, progress)
		if err != nil {
			return err
		}
		sealed = []sealedInput{{sealed: []sealedContainer{{res: res}}}}
	} else if sealed, err = o.sealInputs(ctx, inputs, progress); err != nil {
		return err
	}
	progress.Done()
	return o.finish(s, sealed)
}

// finish reports what was sealed, and writes it where all of it was.
func (o *runOptions) finish(s streams, sealed []sealedInput) error {
	var list []report.Report
	for _, in := range sealed {
		for _, c := range in.sealed {
			r := report.New(c.res)
			r.ExitCode = o.exitCode(c.res)
			list = append(list, r)
		}
	}
	all := report.NewSeveral(list)
	var d delivery
	var refused error // what was sealed cannot be written as it was asked for; the report is due all the same
	if all.ExitCode == exitSealed {
		d, refused = o.deliver.prepare(sealed)
	}
	for i, w := range d.written {
		all.Reports[i].Written = w
	}
	if err := o.report(s, all); err != nil {
		return err
	}
	if all.ExitCode != exitSealed {
		return verdictError(all.ExitCode)
	}
	if refused != nil {
		return refused
	}
	return d.write(o.deliver, s.out)
}

// report shows the result on stderr and writes the files of --report.
func (o *runOptions) report(s streams, r report.Several) error {
	if !o.quiet {
		if err := r.Text(s.err, report.TextOptions{Width: s.width, Color: s.color, Verbose: o.verbose}); err != nil {
			return err
		}
	}
	for _, spec := range o.reports {
		kind, name, _ := strings.Cut(spec, "=")
		var b bytes.Buffer
		if err := reports[kind](r, &b); err != nil {
			return err
		}
		if err := writeFile(name, b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// reports are the kinds of --report.
var reports = map[string]func(report.Several, io.Writer) error{
	"json":     report.Several.JSON,
	"markdown": report.Several.Markdown,
}

// check refuses bad input before anything is started. There are no inputs when an image was given.
func (o *runOptions) check(s streams, image string, command []string) (t target.Target, inputs []*input, err error) {
	if t, err = o.target.target(image, command); err != nil {
		return t, nil, err
	}
	if err := trial.CheckCommands(t.Commands); err != nil {
		return t, nil, asBadInput(err)
	}
	if err := o.checkWords(); err != nil {
		return t, nil, err
	}
	if len(o.input.files) > 0 {
		if t.Network == "host" || strings.HasPrefix(t.Network, "container:") {
			return t, nil, badInput("--network %s does not go with -f: the containers of a pod have a network of their own", t.Network)
		}
		var unsealed []error
		if inputs, unsealed, err = readInputs(s, o.input, t); err != nil {
			return t, nil, err
		}
		if o.deliver.podSecurity != "" && len(unsealed) > 0 {
			return t, nil, badInput("--pod-security %s: the level restricted would also be enforced on pods that are not sealed: %w", o.deliver.podSecurity, unsealed[0])
		}
		if err := checkExec(inputs); err != nil {
			return t, nil, err
		}
	}
	var paths []string
	others := false
	for _, in := range inputs {
		if len(in.pods) > 0 && in.path != "" {
			paths = append(paths, in.path)
		}
		others = others || in.path == ""
	}
	return t, inputs, o.deliver.check(paths, others, o.planOnly)
}

// checkExec refuses commands in a container that has ended when they are due.
func checkExec(inputs []*input) error {
	for _, in := range inputs {
		for _, p := range in.pods {
			for _, name := range p.chosen {
				t := p.pod.Target(name, nil)
				inside := slices.ContainsFunc(t.Commands, func(c target.Command) bool { return c.Inside })
				if inside && t.Completes && t.Pod.Default == "" {
					return badInput("--exec runs in container %s of %s, which runs to its end: it has ended when the command is due; use a COMMAND on the host",
						name, p.pod.Manifest)
				}
			}
		}
	}
	return nil
}

// checkWords refuses flags with a value that they do not take, and files that cannot be written.
func (o *runOptions) checkWords() error {
	if err := o.cluster.apply(&seal.Options{}); err != nil {
		return err
	}
	if !slices.Contains([]string{"none", "fast", "full"}, o.minimize) {
		return badInput("--minimize %s: use none, fast or full", o.minimize)
	}
	if !slices.Contains([]string{"auto", "on", "off"}, o.tracing) {
		return badInput("--trace %s: use auto, on or off", o.tracing)
	}
	var names []string
	for _, r := range o.reports {
		kind, name, _ := strings.Cut(r, "=")
		if reports[kind] == nil || name == "" {
			return badInput("--report %s: use json=FILE or markdown=FILE", r)
		}
		names = append(names, name)
	}
	for _, name := range names {
		if err := checkWritable(name); err != nil {
			return err
		}
	}
	return nil
}

// exitCode turns the verdict into the exit code; exceptions that the user accepted do not count.
func (o *runOptions) exitCode(res seal.Result) int {
	switch {
	case res.Verdict == seal.NotTestable:
		return exitNotTestable
	case res.Verdict == seal.Sealed, res.Verdict == seal.Planned:
		return exitSealed
	case len(res.Exceptions) > 0 && allowed(res.Exceptions, o.allow):
		return exitSealed
	default:
		return exitNotSealed
	}
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
